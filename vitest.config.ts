import { configDefaults, defineConfig } from 'vitest/config';

/** They look at files and processes and wait a lot; which Node runs them makes no difference. */
const SAME_ON_EACH_NODE = [
  'adversity',
  'attach',
  'cancel',
  'chaos',
  'containers',
  'damage',
  'full-disk',
  'logs',
  'open-run',
  'remove-runs',
  'requirements',
  'results-command',
  'runs-list',
  'status',
  'watch',
].map((name) => `test/e2e/${name}.test.ts`);

/** Each of its files starts a cluster and waits for Slurm, which has its own pace. */
const SLURM = 'test/slurm/**';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      ...configDefaults.exclude,
      ...(process.env['DL_JOBS_SECOND_NODE'] === '1' ? [...SAME_ON_EACH_NODE, SLURM] : []),
    ],
    // Most tests start real processes, and a busy machine with two cores is slow to start them.
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    passWithNoTests: false,
  },
});
