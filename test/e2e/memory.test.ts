/** Memory stays flat however many tasks there are. */
import { expect, test } from 'vitest';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { bin, makeProject, one } from '../support/project.js';
import { onLinux, peakMemory, tree } from './processes.js';

const FILES = {
  'run/many.ts': `
    import { DLJob } from 'dl-jobs';
    export function task(count: string) {
      function* indexes() {
        for (let i = 0; i < Number(count); i++) yield i;
      }
      return new DLJob({ moduleName: 'tasks.noop', methodName: 'noop', argsList: indexes() });
    }`,
  'tasks/noop.ts': 'export function noop(i: number) { return i; }',
  'dl_jobs.config.yaml': 'noisy: false\nlog: false\nworkers: 2\n',
};

/** Runs that many no-op tasks; the peaks of the controller and of its largest host, KiB. */
async function peaks(count: number): Promise<{ controller: number; host: number }> {
  const project = makeProject(FILES);
  let controller = 0;
  let host = 0;
  let timer: NodeJS.Timeout | undefined;
  const result = await project.node([bin, 'run', 'many', String(count)], {
    onStart: (child) => {
      const root = child.pid as number;
      timer = setInterval(() => {
        for (const { pid, command } of tree(root)) {
          if (pid === root) controller = Math.max(controller, peakMemory(pid));
          else if (command.includes('node-host')) host = Math.max(host, peakMemory(pid));
        }
      }, 100);
    },
  });
  clearInterval(timer);
  expect(result.code, result.stderr).toBe(0);

  // Each index exactly once, without holding a million lines.
  const seen = new Uint8Array(count);
  let lines = 0;
  for await (const line of createInterface({
    input: createReadStream(one(project.path('results/*.ndjson'))),
  })) {
    lines++;
    seen[Number(line)]!++;
  }
  expect(lines).toBe(count);
  expect(seen.every((times) => times === 1)).toBe(true);
  return { controller, host };
}

/**
 * The bound of the plan, which Node 20 keeps with room to spare (1.06). Later ones keep freed pages of the heap for
 * reuse (`pooled` in `--trace-gc`), up to 23 MB, and have no switch for it: what is in use stays at 14 MB there too.
 */
const BOUND = Number(process.versions.node.split('.')[0]) >= 22 ? 1.4 : 1.2;

/** Medians of three goes: how far V8 lets a heap grow before it collects is a matter of chance. */
async function typicalPeaks(count: number): ReturnType<typeof peaks> {
  const goes = [await peaks(count), await peaks(count), await peaks(count)];
  const median = (kind: 'controller' | 'host'): number =>
    goes.map((go) => go[kind]).sort((a, b) => a - b)[1] as number;
  return { controller: median('controller'), host: median('host') };
}

test(
  'a million tasks from a generator need hardly more memory than a hundred thousand',
  { ...onLinux, timeout: 900_000 },
  async () => {
    const small = await typicalPeaks(100_000);
    const large = await typicalPeaks(1_000_000);
    console.log(
      `peak KiB at 100k and 1M: controller ${small.controller} ${large.controller}, host ${small.host} ${large.host}`,
    );
    expect(small.controller).toBeGreaterThan(0);
    expect(small.host).toBeGreaterThan(0);
    expect(large.controller / small.controller).toBeLessThan(BOUND);
    expect(large.host / small.host).toBeLessThan(BOUND);
  },
);
