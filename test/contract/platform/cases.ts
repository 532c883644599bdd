/** The cases of the suite, and what a platform must be able to for each of them. */
import { test } from 'vitest';
import { requires } from '../../support/requires.js';
import { Scene, type Ground, type SceneOptions } from './scene.js';

/** What tasks are written in; job functions are TypeScript everywhere. */
export type Language = 'node' | 'python';

/** What a platform can do, as far as cases depend on it. */
export interface Abilities {
  /** In which tasks may be written. Cases for which it makes no difference take the first. */
  readonly languages: readonly [Language, ...Language[]];
  /** Tasks can be given GPUs. */
  readonly gpus: boolean;
  /** `task_concurrency` is obeyed. */
  readonly taskConcurrency: boolean;
  /** Tasks see the folder of the project, and stand in it. Else they see their code, and the `data` that the job names. */
  readonly sharesFiles: boolean;
  /** A try that is not the last one has a record, and a log of its own, too. */
  readonly recordsEachTry: boolean;
  /** `retry_on` may leave out any failure type. Else crash, oom and timeout are tried again together, or none is. */
  readonly retriesEachType: boolean;
  /** Logs are what was printed, byte for byte. Else they are lines, and the last one has an end even if it had none. */
  readonly exactLogs: boolean;
  /** A limit that can be set for tasks of one core, written as in settings. */
  readonly memory: string;
  /** A limit in which a task begins, takes more memory than that, and is seen to do it. */
  readonly timeout: string;
  /** The longest text that is sent as an argument and comes back as part of a value. */
  readonly longestText: number;
}

/** Of a platform that says nothing else. */
const ABLE: Abilities = {
  languages: ['node', 'python'],
  gpus: true,
  taskConcurrency: true,
  sharesFiles: true,
  recordsEachTry: true,
  retriesEachType: true,
  exactLogs: true,
  memory: '300MB',
  // For a machine that stands still for a moment, too: then no other task is late.
  timeout: '8s',
  longestText: 1_000_000,
};

/** What a case can ask for: an ability, or a language of tasks. */
export type Wanted =
  Language | { [name in keyof Abilities]: Abilities[name] extends boolean ? name : never }[keyof Abilities];

/** Registers cases for one platform. What a platform lacks is in the name of each test that is skipped for it. */
export class Cases {
  /** The platform as users write it. */
  readonly platform: string;
  readonly can: Abilities;
  readonly #ground: () => Ground;

  constructor(platform: string, abilities: Partial<Abilities>, ground: () => Ground) {
    this.platform = platform;
    this.can = { ...ABLE, ...abilities };
    this.#ground = ground;
  }

  /** Of the tasks of a case that needs no particular one. */
  get language(): Language {
    return this.can.languages[0];
  }

  /** Only while tests run. */
  get ground(): Ground {
    return this.#ground();
  }

  newScene(files: Readonly<Record<string, string>>, options?: SceneOptions): Scene {
    return new Scene(this.platform, this.ground, this.can, files, options);
  }

  test(name: string, wanted: readonly Wanted[], run: () => Promise<void>): void {
    if (this.part(name, wanted)) test(name, wanted.includes('python') ? requires('python3') : {}, run);
  }

  /**
   * Whether a case looks at that part of it, too. A part for which the platform lacks something is registered as a test
   * that is skipped, so that nothing is left out unseen.
   */
  part(name: string, wanted: readonly Wanted[]): boolean {
    const lacking = wanted.filter((one) => !this.#has(one));
    if (lacking.length > 0) test.skip(`${name} (it needs: ${lacking.join(', ')})`);
    return lacking.length === 0;
  }

  #has(wanted: Wanted): boolean {
    return wanted === 'node' || wanted === 'python' ? this.can.languages.includes(wanted) : this.can[wanted];
  }
}
