/** A project of the original on a cluster: what it comes to is what it comes to on one machine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requires } from '../support/requires.js';
import { SEED_CASES } from '../support/seed-cases.js';
import {
  expectNoOtherFiles,
  expectSeedRun,
  seedProject,
  seedWords,
  testLaunched,
} from '../support/seed-project.js';
import { startCluster, type Cluster } from '../support/slurm-cluster.js';

const THERE = ['--dev', 'false', '--platform', 'slurm'];
/** What a worker asks for besides the 10Gi of its task. */
const ASKED = 10 * 1024 + 256;

describe(
  'a project of the original, on a cluster',
  { timeout: 600_000, ...requires('slurm', 'python3') },
  () => {
    const typed = seedProject();
    let cluster: Cluster;
    let env: Record<string, string>;
    beforeAll(async () => {
      // Room for many workers, also for those with 10 GB: nothing takes what it asks for.
      cluster = await startCluster({ nodes: 2, cpus: 32, memory: 256_000, set: { DefMemPerCPU: '400' } });
      env = { ...cluster.env, DL_JOBS_PLATFORM: 'slurm' };
    }, 300_000);
    afterAll(() => cluster?.stop());

    test.concurrent.each(SEED_CASES)('by the command line: $title', async (seed) => {
      expectSeedRun(
        typed,
        seed,
        await typed.run(['run', ...seedWords(seed), ...THERE], { env: cluster.env }),
      );
    });

    testLaunched(() => env);

    test('writes nothing that was not named, and asks for the memory of task_kwargs', async () => {
      expectNoOtherFiles(typed, SEED_CASES);
      const jobs = await cluster.run('squeue', '--noheader', '-r', '-t', 'all', '-o', '%m %j');
      const water = jobs.split('\n').filter((line) => line.includes('product.water.task'));
      const asked = water.map((line) => line.split(' ')[0]);
      expect(asked.filter((memory) => memory === `${ASKED}M`).length).toBeGreaterThan(0);
      // `products.tiles.broken` runs the same task, and asks for nothing.
      expect(new Set(asked)).toEqual(new Set([`${ASKED}M`, '400M']));
    });

    test('is told what it would ask for, and what the command line changes of that', async () => {
      const plan = async (...more: string[]): Promise<string[]> => {
        const words = ['run', 'product', ...THERE, '--dry-run', '--json', ...more];
        const { code, stdout, stderr } = await typed.run(words, { env: cluster.env });
        expect(code, stderr).toBe(0);
        return (stdout.match(/--mem=\d+M/g) ?? []).map(String);
      };
      expect(await plan()).toEqual([`--mem=${ASKED}M`]);
      expect(await plan('--memory', '1GB')).toEqual([`--mem=${1024 + 256}M`]);
    });
  },
);
