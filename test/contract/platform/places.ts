/** Tasks at a time: in one process, and one a GPU. */
import { describe, expect } from 'vitest';
import type { Cases } from './cases.js';
import { resultsOf, sorted } from './scene.js';

const TOGETHER = `
  const nap = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  let inside = 0;
  /** Ends once three of them are in this process. */
  export async function together(i: number) {
    inside++;
    while (inside < 3) await nap(5);
    return { i };
  }`;

const ON_GPU = {
  node: {
    'tasks/place.ts': `
      import { hostname } from 'node:os';
      export async function onGpu(i: number) {
        const from = Date.now();
        await new Promise((resolve) => setTimeout(resolve, 200));
        return { i, gpus: process.env.CUDA_VISIBLE_DEVICES, node: hostname(), from, to: Date.now() };
      }`,
  },
  python: {
    'tasks/place.py': `
import os, socket, time

def onGpu(i):
    start = time.time() * 1000
    time.sleep(0.2)
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES")
    return {"i": i, "gpus": gpus, "node": socket.gethostname(), "from": start, "to": time.time() * 1000}
`,
  },
};

interface OnGpu {
  readonly i: number;
  readonly gpus: string;
  readonly node: string;
  readonly from: number;
  readonly to: number;
}

export function placeCases(cases: Cases): void {
  const { language } = cases;

  describe.concurrent('several tasks', () => {
    cases.test(
      'run at a time in one process with task_concurrency',
      ['node', 'taskConcurrency'],
      async () => {
        const scene = cases.newScene({ 'tasks/place.ts': TOGETHER, 'args.ndjson': '0\n1\n2\n' });
        const words = ['--task_concurrency', '3', '--workers', '3', '--max_workers', '3', '--timeout', '20s'];
        await scene.run(0, scene.map('tasks.place.together', ...words));
        expect(sorted(resultsOf(await scene.status()))).toEqual(sorted([{ i: 0 }, { i: 1 }, { i: 2 }]));
        await scene.isQuiet();
      },
    );

    cases.test('share no GPU', [language, 'gpus'], async () => {
      const tasks = [0, 1, 2, 3, 4, 5, 6, 7];
      const scene = cases.newScene({
        ...ON_GPU[language],
        'args.ndjson': tasks.map((i) => `${i}\n`).join(''),
      });
      await scene.run(0, scene.map('tasks.place.onGpu', '--gpus', '1'));
      const rows = resultsOf(await scene.status()) as OnGpu[];
      expect(rows.map(({ i }) => i).sort()).toEqual(tasks);
      for (const row of rows) {
        expect(row.gpus).toMatch(/^[01]$/);
        const others = rows.filter(
          ({ i, node, gpus }) => i !== row.i && node === row.node && gpus === row.gpus,
        );
        for (const { from, to } of others) expect(from >= row.to || to <= row.from).toBe(true);
      }
      await scene.isQuiet();
    });
  });
}
