/**
 * Many tasks, a service that fails in every way it can, and a controller that is killed again and again: each task has
 * one outcome in the end, and the server made one job of each.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../chaos/random.js';
import { startServer, type EarthOneServer, type FaultRates } from '../support/earthone-server.js';
import { makeProject, readNdjson, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';

/** `DL_JOBS_EARTHONE_TASKS=25000` is the long form. */
const TASKS = Number(process.env['DL_JOBS_EARTHONE_TASKS'] ?? 3_000);
const KILLS = 5;
const SEED = Number(process.env['DL_JOBS_EARTHONE_SEED'] ?? 7);

const FAULTS: FaultRates = {
  '500': 0.002,
  '502': 0.002,
  '503': 0.002,
  '429': 0.002,
  '429-date': 0.001,
  '429-bare': 0.001,
  '401': 0.003,
  'drop-before': 0.003,
  'drop-after': 0.003,
  'drop-body': 0.003,
  'slow-body': 0.003,
  // These meet only some requests.
  'error-after': 0.05,
  duplicate: 0.05,
  'presigned-403': 0.002,
  'presigned-503': 0.002,
};

const FILES = {
  'tasks/echo.py':
    'from .twice import twice\n\ndef echo(arg):\n    return {"i": arg["i"], "twice": twice(arg["i"])}\n',
  'tasks/twice.py': 'def twice(n):\n    return 2 * n\n',
  'run/jobs.ts': `
    import { DLJob } from 'dl-jobs';
    function* args(n: number) { for (let i = 0; i < n; i++) yield { i }; }
    export const echo = (n: string) => new DLJob({
      moduleName: 'tasks.echo', methodName: 'echo', argsList: args(Number(n)), platformJob: true,
      noisy: false, printLogs: false, saveResults: 'out', resultsTimestamp: false,
    });`,
  'dl_jobs.config.yaml': 'platform: earthone\nis_dev: false\nmax_workers: 2\n',
};

describe('a run on EarthOne', requires('python3'), () => {
  let server: EarthOneServer;
  beforeAll(async () => {
    server = await startServer({ seed: SEED });
  });
  afterAll(() => server?.stop());

  test(
    `of ${TASKS} tasks survives faults and ${KILLS} kills of its controller`,
    { timeout: 900_000 },
    async () => {
      server.faults.set(FAULTS);
      const project = makeProject(FILES);
      const random = Random.of(SEED, 'kills');
      let words = ['run', 'jobs.echo', String(TASKS)];
      for (let kill = 0; kill < KILLS; kill++) {
        await killed(project, words, random.int(1_500, 6_000));
        words = ['resume'];
      }
      const { code, stderr } = await project.run(words, { env: server.env });
      expect(code, stderr).toBe(0);
      const results = readNdjson<{ i: number; twice: number }>(project.path('results/out.ndjson'));
      expect(results.sort((a, b) => a.i - b.i)).toEqual(
        Array.from({ length: TASKS }, (_, i) => ({ i, twice: 2 * i })),
      );
      server.faults.clear();
      const tasks = server.jobs().map(({ args }) => (JSON.parse(args ?? '[]') as [number])[0]);
      expect(tasks.sort((a, b) => a - b)).toEqual(Array.from({ length: TASKS }, (_, i) => i));
      expect(Object.values(server.faults.counts).reduce((a, b) => a + b, 0)).toBeGreaterThan(20);
      expect(Math.max(...server.counters.executions.values())).toBe(1);
    },
  );

  /** Runs a command and kills it some time later; it may have ended by then. */
  async function killed(project: Project, words: readonly string[], ms: number): Promise<void> {
    let pid = 0;
    let isOver = false;
    const running = project.run(words, {
      env: server.env,
      onStart: (child) => {
        pid = child.pid as number;
      },
    });
    void running.then(() => (isOver = true));
    // There must be a run that can be resumed: a slow machine has none for some seconds.
    while (server.jobs().length === 0 && !isOver) await sleep(20);
    await Promise.race([running, sleep(ms)]);
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
    await running;
  }
});
