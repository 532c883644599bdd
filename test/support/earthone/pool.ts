/** The Python processes of the executor: used again for jobs of the same function and environment. */
import { join } from 'node:path';
import { Child } from './child.js';
import type { Job } from './model.js';
import type { World } from './world.js';

/** Milliseconds that a process may wait for the next job. */
const IDLE = 5000;

interface Idle {
  readonly child: Child;
  readonly timer: NodeJS.Timeout;
}

export class Pool {
  readonly #world: World;
  readonly #idle = new Map<string, Idle[]>();
  readonly #children = new Set<Child>();
  readonly #onProcessExit = (): void => {
    for (const child of this.#children) child.end();
  };
  #stopped = false;

  constructor(world: World) {
    this.#world = world;
    process.on('exit', this.#onProcessExit);
  }

  /** One for the job; `key` is for giving it back. */
  take(job: Job): { readonly child: Child; readonly key: string } {
    const key = keyOf(job);
    const list = this.#idle.get(key);
    while (list !== undefined && list.length > 0) {
      const { child, timer } = list.pop()!;
      clearTimeout(timer);
      if (!child.spent) return { child, key };
    }
    if (this.#children.size >= this.#world.options.concurrency) this.#endOneIdle();
    return { child: this.#start(job), key };
  }

  #start(job: Job): Child {
    const { scratch, options, python } = this.#world;
    const child = new Child({
      python,
      folder: job.fn.folder!,
      maxResult: options.maxResult,
      environment: {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        HOME: join(scratch, 'home'),
        TMPDIR: join(scratch, 'tmp'),
        LANG: 'C.UTF-8',
        PYTHONDONTWRITEBYTECODE: '1',
        ...(options.sitePackages !== undefined && { PYTHONPATH: options.sitePackages }),
        ...environmentOf(job),
      },
    });
    this.#children.add(child);
    child.onExit = () => this.#children.delete(child);
    return child;
  }

  #endOneIdle(): void {
    for (const list of this.#idle.values()) {
      const idle = list.shift();
      if (idle === undefined) continue;
      clearTimeout(idle.timer);
      idle.child.end();
      return;
    }
  }

  /** Its job ended. */
  rest(child: Child, key: string): void {
    if (child.spent || this.#stopped) {
      child.end();
      return;
    }
    const list = this.#idle.get(key) ?? [];
    this.#idle.set(key, list);
    const timer = setTimeout(() => {
      const at = list.indexOf(idle);
      if (at !== -1) list.splice(at, 1);
      child.end();
    }, IDLE);
    timer.unref();
    const idle: Idle = { child, timer };
    list.push(idle);
  }

  get processes(): number[] {
    return [...this.#children].flatMap((child) => (child.pid === undefined ? [] : [child.pid]));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    process.off('exit', this.#onProcessExit);
    for (const list of this.#idle.values()) for (const { timer } of list) clearTimeout(timer);
    const gone = [...this.#children].map(
      (child) =>
        new Promise<void>((resolve) => {
          child.onExit = resolve;
          child.end();
        }),
    );
    await Promise.all(gone);
    this.#children.clear();
  }
}

const environmentOf = (job: Job): Record<string, string> => ({
  ...job.fn.environment,
  ...(job.environment === null ? {} : (JSON.parse(job.environment) as Record<string, string>)),
});

const keyOf = (job: Job): string =>
  job.environment === null && job.fn.environment === null
    ? job.fn.id
    : `${job.fn.id} ${JSON.stringify(environmentOf(job))}`;
