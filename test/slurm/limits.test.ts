/** What a site may limit, on real clusters: jobs of a user, jobs of all, sizes of arrays; and what accounting remembers. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endsOf } from '../../src/platforms/slurm/ends.js';
import { askSite } from '../../src/platforms/slurm/site.js';
import type { Environment } from '../../src/platforms/slurm/slurm-cli.js';
import { findJobs, submitArray, type SubmitRequest } from '../../src/platforms/slurm/submit.js';
import { makeProject, one, readNdjson } from '../support/project.js';
import { requires } from '../support/requires.js';
import { startCluster, type Cluster } from '../support/slurm-cluster.js';
import { waitFor } from '../support/slurm/daemons.js';

/** Fewer than a site has, so that the controller is full soon. */
const JOBS = 12;
const PER_ARRAY = 8;
const PER_USER = 3;

describe(
  'on a cluster with limits',
  { timeout: 300_000, ...requires('slurm', 'slurmdbd', 'python3') },
  () => {
    let cluster: Cluster;
    let env: Environment;
    let out: string;
    beforeAll(async () => {
      cluster = await startCluster({
        nodes: 2,
        accounting: 'slurmdbd',
        set: {
          MaxJobCount: `${JOBS}`,
          MaxArraySize: `${PER_ARRAY}`,
          MinJobAge: '2',
          AccountingStorageEnforce: 'associations,limits',
        },
      });
      env = { ...process.env, ...cluster.env };
      out = mkdtempSync(join(tmpdir(), 'dl-limits-'));
      await cluster.run('sacctmgr', '-i', 'add', 'account', 'few', 'many');
      await cluster.run('sacctmgr', '-i', 'add', 'user', 'root', 'account=few,many', 'DefaultAccount=many');
      await cluster.run(
        'sacctmgr',
        '-i',
        'modify',
        'user',
        'root',
        'where',
        'account=few',
        'set',
        `MaxSubmitJobs=${PER_USER}`,
      );
      // The database looks for the controller at another address than its own: it hears of accounts when it starts.
      await cluster.controller.stop();
      await cluster.controller.start();
      await cluster.ready();
    }, 300_000);
    afterAll(() => cluster?.stop());

    let names = 0;
    function request(elements: number, more: readonly string[] = [], script = 'true'): SubmitRequest {
      const name = `dl_jobs:limits-${process.pid}:1:${++names}`;
      return {
        name,
        env,
        args: [
          `--job-name=${name}`,
          '--parsable',
          `--array=0-${elements - 1}`,
          '-o',
          `${out}/%A_%a`,
          ...more,
        ],
        script: `#!/bin/bash\n${script}\n`,
      };
    }

    test('the site tells its limits', async () => {
      expect(await askSite(env)).toMatchObject({
        mostElements: PER_ARRAY,
        mostJobs: JOBS,
        hasAccounting: true,
      });
    });

    test('more jobs than a user may have are told apart from what is wrong', async () => {
      const few = ['--account=few'];
      const refused = await submitArray(request(PER_USER + 1, few));
      expect(refused).toMatchObject({ kind: 'limit', error: { code: 'SLURM_REJECTED' } });
      expect((await submitArray(request(PER_USER, few))).kind).toBe('job');
      await expect(submitArray(request(PER_ARRAY + 1))).rejects.toMatchObject({
        code: 'SLURM_REJECTED',
        hint: expect.stringContaining('`max_workers`') as string,
      });
      await expect(submitArray(request(1, ['--account=nobody']))).rejects.toMatchObject({
        hint: expect.stringContaining('`account`') as string,
      });
    });

    test('accounting remembers how elements ended that the queue has forgotten', async () => {
      const submitted = await submitArray(request(3, [], 'exit $((SLURM_ARRAY_TASK_ID * 5))'));
      if (submitted.kind !== 'job') throw new Error(submitted.kind);
      const { job } = submitted;
      await waitFor(
        () => `the queue still has job ${job}`,
        async () => !(await cluster.squeue()).some(({ id }) => id.startsWith(`${job}_`)),
      );
      const ids = [0, 1, 2, 3].map((index) => `${job}_${index}`);
      await waitFor(
        () => 'accounting does not know of its end',
        async () => (await endsOf(ids, env)).size === 3,
      );
      const ends = await endsOf(ids, env);
      expect(ids.map((id) => ends.get(id)?.exit?.code)).toEqual([0, 5, 10, undefined]);
      expect(ids.map((id) => ends.get(id)?.state)).toEqual(['COMPLETED', 'FAILED', 'FAILED', undefined]);
      expect(await endsOf([], env)).toEqual(new Map());
    });

    test('a controller that is full takes the job once, when there is room', async () => {
      const hold = ['--hold'];
      const jobs = [
        await submitArray(request(PER_ARRAY, hold)),
        await submitArray(request(JOBS - 1 - PER_ARRAY, hold)),
      ];
      expect(jobs.map(({ kind }) => kind)).toEqual(['job', 'job']);
      const told: string[] = [];
      const late = request(2, hold);
      const submitted = submitArray({
        ...late,
        // Long enough for its complaint to come, and no longer: `sbatch` tries again by itself.
        timeoutMs: 6_000,
        delays: [200],
        onWait: (why) => told.push(why),
      });
      await waitFor(
        () => `nobody was told that the controller is full: ${told.join('; ')}`,
        () => Promise.resolve(told.some((why) => /temporarily unable to accept job/i.test(why))),
      );
      expect(await findJobs(late.name, env)).toEqual([]);
      const ids = jobs.flatMap((one) => (one.kind === 'job' ? [one.job] : []));
      await cluster.run('scancel', ...ids);
      const { kind } = await submitted;
      expect(kind).toBe('job');
      expect(await findJobs(late.name, env)).toHaveLength(1);
      await cluster.run('scancel', '--user=root');
    });

    test('a run takes as many workers as it may have', async () => {
      const project = makeProject({
        'dl_jobs.config.yaml': 'noisy: false\nplatform: slurm\nis_dev: false\nmax_workers: 7\naccount: few\n',
        'run/j.ts': `import { DLJob } from 'dl-jobs';
        export const task = () => new DLJob({ moduleName: 'tasks.t', argsList: 30, platformJob: true });`,
        'tasks/t.ts': `export const task = (i) => ({ i, job: process.env.SLURM_ARRAY_JOB_ID });`,
      });
      mkdirSync(project.path('results'));
      const { code, stderr } = await project.run(['run', 'j'], { env: cluster.env });
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/: [23] workers in Slurm job \d+/);
      const results = readNdjson<{ i: number }>(one(project.path('results/*.ndjson')));
      expect(results.map(({ i }) => i).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 30 }, (_, i) => i),
      );
    });
  },
);
