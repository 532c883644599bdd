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
  'policies',
  'python-definitions',
  'python-interrupt',
  'python-memory',
  'python-modules',
  'python-programs',
  'remove-runs',
  'replay',
  'requirements',
  'requirements-npm',
  'results-command',
  'runs-list',
  'seed-project',
  'status',
  'watch',
].map((name) => `test/e2e/${name}.test.ts`);
/** Whole runs on a service that is made for the tests: most of their time is its Python's. */
const EARTHONE = ['adversity', 'bundle', 'contract', 'secrets', 'seed-project', 'task-examples'].map(
  (name) => `test/earthone/${name}.test.ts`,
);

/** What npm packs, the runner of the tests, and the examples of the documentation. */
const AROUND = ['test/package/**', 'test/docs/**'];

/** Each of its files starts a cluster and waits for Slurm, which has its own pace. */
const SLURM = 'test/slurm/**';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      ...configDefaults.exclude,
      ...(process.env['DL_JOBS_SECOND_NODE'] === '1'
        ? [...SAME_ON_EACH_NODE, ...EARTHONE, ...AROUND, SLURM]
        : []),
    ],
    // Most tests start real processes, and a busy machine with two cores is slow to start them.
    pool: 'forks',
    maxWorkers: 3,
    // It is at times five times slower, too: this is for what hangs.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    passWithNoTests: false,
  },
});
