/**
 * What is asked of Slurm, on a real cluster: submissions, the queue, cancellation, and a controller that is away.
 * lines: one cluster for all of it, which takes seconds to start.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DlJobsError } from '../../src/base/errors.js';
import type { Policy } from '../../src/contract/policy.js';
import { NO_SLURM, type JobSpec, type SlurmSpec } from '../../src/contract/spec.js';
import { batchScript } from '../../src/platforms/slurm/batch-script.js';
import { cancelJobs } from '../../src/platforms/slurm/cancel.js';
import { checkSlurmOptions } from '../../src/platforms/slurm/options.js';
import { SlurmQueue } from '../../src/platforms/slurm/queue.js';
import { sbatchArguments } from '../../src/platforms/slurm/sbatch.js';
import { askSite } from '../../src/platforms/slurm/site.js';
import type { Environment } from '../../src/platforms/slurm/slurm-cli.js';
import {
  findJobs,
  submitArray,
  type Submitted,
  type SubmitRequest,
} from '../../src/platforms/slurm/submit.js';
import { requires } from '../support/requires.js';
import { startCluster, type Cluster } from '../support/slurm-cluster.js';
import { waitFor } from '../support/slurm/daemons.js';

const folder = (name = 'run'): string => {
  const dir = join(realpathSync(mkdtempSync(join(tmpdir(), 'dl-slurm-'))), name);
  mkdirSync(join(dir, 'logs'), { recursive: true });
  return dir;
};

let names = 0;
const newName = (): string => `dl_jobs:test-${process.pid}:1:${++names}`;

/** A folder with a command of that name, which says what it does to the real one by `$REAL`. */
function withCommand(env: Environment, command: string, text: string): Environment {
  const bin = folder();
  const path = join(bin, command);
  writeFileSync(path, `#!/bin/sh\nREAL="/usr/bin/${command}"\n${text}\n`);
  chmodSync(path, 0o755);
  return { ...env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
}

describe('on a cluster', { timeout: 300_000, ...requires('slurm') }, () => {
  let cluster: Cluster;
  let env: Environment;
  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2, gpus: { a100: 2 } });
    env = { ...process.env, ...cluster.env };
  }, 300_000);
  afterAll(() => cluster?.stop());

  interface Wanted extends Partial<Omit<SubmitRequest, 'args' | 'name' | 'script'>> {
    readonly dir?: string;
    readonly name?: string;
    readonly script?: string;
    readonly elements?: number;
    readonly spec?: Partial<Omit<JobSpec, 'slurm'>>;
    readonly slurm?: Partial<SlurmSpec>;
  }
  async function submit(wanted: Wanted = {}): Promise<Submitted> {
    const { dir = folder(), name = newName(), elements = 1, spec, slurm, script, ...more } = wanted;
    const policy = { memory: null } as Policy;
    const job = { cpus: 1, gpus: 0, gpuType: null, taskConcurrency: 1, policy, ...spec };
    const whole = { ...job, slurm: { ...NO_SLURM, ...slurm } } as JobSpec;
    return await submitArray({
      args: sbatchArguments({ spec: whole, name, dir, elements, atATime: null, graceSeconds: 60 }),
      script: script ?? '#!/bin/bash\ntrue\n',
      name,
      env,
      ...more,
    });
  }
  async function submitted(wanted: Wanted = {}): Promise<string> {
    const what = await submit(wanted);
    if (what.kind !== 'job') throw new Error(`it is ${what.kind}`);
    return what.job;
  }
  async function refusal(wanted: Wanted): Promise<DlJobsError> {
    try {
      await submit(wanted);
    } catch (error) {
      if (error instanceof DlJobsError) return error;
      throw error;
    }
    throw new Error('it was taken');
  }
  const statesOf = async (job: string): Promise<string[]> =>
    (await cluster.squeue()).filter(({ id }) => id.startsWith(`${job}_`)).map(({ state }) => state);
  async function ended(job: string): Promise<string[]> {
    let states: string[] = [];
    await waitFor(
      () => `job ${job} has not ended: ${states.join(' ')}`,
      async () => {
        states = await statesOf(job);
        return states.length > 0 && states.every((state) => !/PENDING|RUNNING|COMPLETING/.test(state));
      },
    );
    return states;
  }

  describe('a submission', () => {
    test.each(['plain', ` a 'b' "c" $HOME \`d\` %A%%j%`, 'new\nline\tü 漢 #;&|*?[x]'])(
      'becomes workers in the folder %j',
      async (name) => {
        const dir = folder(name);
        const tool = join(dir, 'tool');
        mkdirSync(join(tool, 'dist/cli'), { recursive: true });
        writeFileSync(
          join(tool, 'dist/cli/bin.cjs'),
          `const { argv, env, cwd } = process; console.log(JSON.stringify({
            argv: argv.slice(2), cwd: cwd.call(process), secret: env.SECRET, visible: env.CUDA_VISIBLE_DEVICES,
            seconds: env.DL_JOBS_WORKER_SECONDS, format: env.SLURM_TIME_FORMAT }))`,
        );
        writeFileSync(join(tool, 'dist/cli/bin.js'), "import './bin.cjs';");
        writeFileSync(join(tool, 'package.json'), '{"type":"module"}');
        const script = batchScript({
          dir,
          round: 1,
          tool,
          projectRoot: dir,
          node: '',
          ownNode: process.execPath,
          setup: ['echo "from setup" >&2'],
          seconds: 120,
        });
        const secret = 'p a\n"s"$s';
        const job = await submitted({
          dir,
          script,
          elements: 2,
          env: { ...env, SECRET: secret },
          spec: { gpus: 1, gpuType: 'a100' },
          slurm: { time: 61, options: { comment: 'a b' } },
        });
        expect(await ended(job)).toEqual(['COMPLETED', 'COMPLETED']);
        const told = [0, 1].map((index) => {
          const [first, second] = readFileSync(join(dir, `logs/slurm-${job}_${index}.out`), 'utf8').split(
            '\n',
          );
          expect(first).toBe('from setup');
          return JSON.parse(second ?? '') as Record<string, unknown>;
        });
        for (const one of told) {
          expect(one).toMatchObject({ argv: ['worker', '--run', dir, '--round', '1'], cwd: dir, secret });
          expect(Number(one['seconds'])).toBeGreaterThan(60);
          expect(one['format']).toBeUndefined();
        }
        expect(told.every(({ visible }) => visible === '0' || visible === '1')).toBe(true);
        const shown = await cluster.scontrol('show', 'job', job);
        expect(shown).toContain('Comment=a b');
        expect(shown).toContain('gpu:a100');
        expect(shown + script).not.toContain('"s"');
      },
    );

    test('writes its output in a folder with backslashes, too', async () => {
      const dir = folder('a\\b\\\\%A\\');
      const name = newName();
      const job = await submitted({
        dir,
        name,
        elements: 2,
        script: '#!/bin/bash\necho $SLURM_ARRAY_TASK_ID\n',
      });
      await ended(job);
      const output = readFileSync(join(dir, `logs/slurm-${name.replace(/.*:/, '')}.out`), 'utf8');
      expect(output.trim().split('\n').sort()).toEqual(['0', '1']);
    });

    test('does not take over what the job was given that it is made in', async () => {
      const dir = folder();
      const job = await submitted({
        dir,
        env: {
          ...env,
          SLURM_JOB_ID: '1',
          SLURM_RESTART_COUNT: '7',
          SLURM_MEM_PER_NODE: '1',
          CUDA_VISIBLE_DEVICES: '9',
          SBATCH_WAIT: '1',
          SBATCH_EXPORT: 'NONE',
          OTHER: '1',
        },
        script: '#!/bin/bash\necho "$SLURM_RESTART_COUNT,$CUDA_VISIBLE_DEVICES,$OTHER"\n',
      });
      await ended(job);
      expect(readFileSync(join(dir, `logs/slurm-${job}_0.out`), 'utf8')).toBe(',,1\n');
    });

    test.each([
      [{ slurm: { partition: 'nowhere' } }, 'sinfo -s'],
      [{ slurm: { nodelist: 'n99' } }, 'sinfo -N'],
      [{ slurm: { constraint: 'nothing' } }, '%f'],
      [{ spec: { gpus: 1, gpuType: 'h100' } }, '`gpus`|fewer'],
      [{ spec: { gpus: 9 } }, '`gpus`|fewer'],
      [{ spec: { policy: { memory: 1024 ** 5 } as Policy } }, '`memory`'],
      [{ elements: 5_000 }, '`max_workers`'],
    ] satisfies (readonly [Wanted, string])[])(
      'that Slurm does not take says what to do: %j',
      async (wanted, words) => {
        const error = await refusal(wanted);
        expect(error.code).toBe('SLURM_REJECTED');
        expect(error.exitCode).toBe(2);
        expect(error.message).toMatch(/^sbatch does not take the job: .{10,}/);
        expect(error.hint).toMatch(new RegExp(words.replace(/[$.]/g, '\\$&')));
      },
    );

    test('without Slurm says that it is missing', async () => {
      const nowhere = { ...env, PATH: folder() };
      expect((await refusal({ env: nowhere })).code).toBe('SLURM_MISSING');
      for (const asked of [
        askSite(nowhere),
        findJobs('x', nowhere),
        cancelJobs(['1'], { env: nowhere }),
        checkSlurmOptions({}, nowhere),
        new SlurmQueue({ folder: null, env: nowhere }).look(),
      ]) {
        await expect(asked).rejects.toMatchObject({ code: 'SLURM_MISSING' });
      }
    });

    test('happens once, although nobody hears the id of the job', async () => {
      const name = newName();
      // It has sent the job, and then neither tells nor ends.
      const hangs = withCommand(env, 'sbatch', '$REAL "$@" >/dev/null; exec sleep 1000');
      const told: string[] = [];
      const job = await submitted({
        name,
        env: hangs,
        // In that time the real one must have sent the job.
        timeoutMs: 8_000,
        onWait: (why) => told.push(why),
        delays: [50],
      });
      expect(await findJobs(name, env)).toEqual([job]);
      expect(told).toEqual(['sbatch gave no answer for 8 seconds']);
    });

    test('that is given up is found if it arrived, and else is not there', async () => {
      for (const [text, kind] of [
        ['$REAL "$@" >/dev/null; touch "$SENT"; exec sleep 1000', 'job'],
        ['cat >/dev/null; touch "$SENT"; exec sleep 1000', 'aborted'],
      ] as const) {
        const name = newName();
        const sent = join(folder(), 'sent');
        const giveUp = new AbortController();
        const outcome = submit({
          name,
          env: { ...withCommand(env, 'sbatch', text), SENT: sent },
          signal: giveUp.signal,
        });
        await waitFor(
          () => 'sbatch was not called',
          () => Promise.resolve(existsSync(sent)),
        );
        giveUp.abort();
        expect((await outcome).kind).toBe(kind);
        expect(await findJobs(name, env)).toHaveLength(kind === 'job' ? 1 : 0);
      }
    });
  });

  describe('the queue', () => {
    /** A squeue that notes that it was called. */
    function counted(): { readonly env: Environment; readonly calls: () => number } {
      const calls = join(folder(), 'calls');
      return {
        env: withCommand(env, 'squeue', `echo x >> '${calls}'; exec $REAL "$@"`),
        calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').length / 2 : 0),
      };
    }

    test('shows our jobs as they are, and nobody else’s', async () => {
      const name = newName();
      const job = await submitted({ name, elements: 3, script: '#!/bin/bash\nexit $SLURM_ARRAY_TASK_ID\n' });
      const held = await submitted({ elements: 2, slurm: { options: { hold: true } } });
      await cluster.run('sbatch', '--parsable', '--job-name=other', '-o', '/dev/null', '--wrap', 'true');
      await ended(job);
      const { rows, silentMs } = await new SlurmQueue({ folder: null, env }).look();
      expect(silentMs).toBe(0);
      expect(rows.every((row) => row.name.startsWith('dl_jobs:'))).toBe(true);
      const of = (id: string) => rows.filter((row) => row.job === id).sort((a, b) => a.index - b.index);
      expect(of(job).map(({ id, state, exit, name: called }) => ({ id, state, exit, called }))).toEqual(
        [0, 1, 2].map((code) => ({
          id: `${job}_${code}`,
          state: code === 0 ? 'COMPLETED' : 'FAILED',
          exit: { code, signal: 0 },
          called: name,
        })),
      );
      expect(
        of(job).every(
          ({ node, startsAt }) => /^n\d$/.test(node) && Math.abs((startsAt ?? 0) - Date.now()) < 600_000,
        ),
      ).toBe(true);
      expect(of(held).map(({ state, reason, exit, node }) => ({ state, reason, exit, node }))).toEqual(
        [0, 1].map(() => ({ state: 'PENDING', reason: 'JobHeldUser', exit: null, node: '' })),
      );
      await cancelJobs([held], { env });
    });

    test('is asked for once for all who share a folder, and by each cluster for itself', async () => {
      const { env: counting, calls } = counted();
      const cache = folder();
      const look = (more: Environment = {}) =>
        new SlurmQueue({ folder: cache, env: { ...counting, ...more } }).look();
      const views = await Promise.all(Array.from({ length: 6 }, async () => await look()));
      expect(
        views.every(({ silentMs, rows }) => silentMs === 0 && rows.length === views[0]?.rows.length),
      ).toBe(true);
      expect(calls()).toBe(1);
      await look({ SLURM_CONF: `${cluster.dir}/etc/../etc/slurm.conf` });
      expect(calls()).toBe(2);
    });

    test('stays as it was known while Slurm does not answer, and is asked for less and less often', async () => {
      const job = await submitted({ elements: 2, slurm: { options: { hold: true } } });
      const { env: counting, calls } = counted();
      const cache = folder();
      const options = { folder: cache, env: counting, everyMs: 0, timeoutMs: 8_000, delays: [0, 3_600_000] };
      const queue = new SlurmQueue(options);
      expect((await queue.look()).silentMs).toBe(0);
      cluster.controller.pause();
      try {
        for (let failures = 1; failures <= 4; failures++) {
          const { rows, silentMs, askedAt } = await queue.look();
          expect(silentMs).toBeGreaterThan(0);
          expect(askedAt).toBeLessThan(performance.now());
          expect(rows.filter((row) => row.job === job)).toHaveLength(2);
        }
        expect(calls()).toBe(3);
        // Another process learns from the file that it makes no sense to ask.
        expect((await new SlurmQueue(options).look()).rows.some((row) => row.job === job)).toBe(true);
        expect(calls()).toBe(3);
        expect(
          await askSite({ ...env, PATH: withCommand(env, 'scontrol', 'exec timeout 1 $REAL "$@"')['PATH'] }),
        ).toBe(null);
      } finally {
        cluster.controller.resume();
      }
      const again = await new SlurmQueue({ ...options, delays: [0] }).look();
      expect(again.silentMs).toBe(0);
      await cancelJobs([job], { env });
    });
  });

  describe('cancellation', () => {
    const STUBBORN = '#!/bin/bash\ntrap "" TERM\nwhile :; do sleep 0.2; done\n';

    test('ends what waits and what works, also what does not want to', async () => {
      const works = await submitted({ script: STUBBORN, elements: 2 });
      const waits = await submitted({ elements: 2, slurm: { options: { hold: true } } });
      await waitFor(
        () => 'it does not start',
        async () => (await statesOf(works)).every((state) => state === 'RUNNING'),
      );
      expect(await cancelJobs([works, `${waits}_1`, '4242424'], { env })).toEqual({ left: [] });
      expect(await statesOf(works)).toEqual(['CANCELLED', 'CANCELLED']);
      // Of an element that never began Slurm forgets that there was one.
      expect(await statesOf(waits)).toEqual(['PENDING']);
      expect(await cancelJobs([works, waits], { env, which: 'pending' })).toEqual({ left: [] });
      expect(await statesOf(waits)).not.toContain('PENDING');
      expect(await cancelJobs([], { env })).toEqual({ left: [] });
    });

    test('of what waits leaves alone what works', async () => {
      const job = await submitted({ script: '#!/bin/bash\nexec sleep 1000\n' });
      await waitFor(
        () => 'it does not start',
        async () => (await statesOf(job))[0] === 'RUNNING',
      );
      expect(await cancelJobs([job], { env, which: 'pending' })).toEqual({ left: [] });
      expect(await statesOf(job)).toEqual(['RUNNING']);
      expect(await cancelJobs([job], { env })).toEqual({ left: [] });
    });
  });

  describe('a controller that is away', () => {
    test('delays a submission, which happens once it is back, and is told of', async () => {
      const job = await submitted({ elements: 1, slurm: { options: { hold: true } } });
      await cluster.controller.stop();
      const name = newName();
      const told: string[] = [];
      const giveUp = new AbortController();
      try {
        const given = submit({ name: newName(), signal: giveUp.signal, delays: [100] });
        await sleep(500);
        giveUp.abort();
        expect(await given).toEqual({ kind: 'aborted' });
        const error = await refusal({ timeoutMs: 500, giveUpMs: 1, delays: [0] });
        expect(error.code).toBe('SLURM_UNREACHABLE');
        // What became of it nobody knows.
        expect(await cancelJobs([job], { env, timeoutMs: 2_000 })).toEqual({
          left: [{ id: job, state: 'UNKNOWN' }],
        });
        expect(await findJobs(name, env, 2_000)).toBe(null);
        const late = submitted({ name, onWait: (why) => told.push(why), delays: [100] });
        await waitFor(
          () => 'nobody was told',
          () => Promise.resolve(told.length > 0),
        );
        await cluster.controller.start();
        const taken = await late;
        expect(await findJobs(name, env)).toEqual([taken]);
      } finally {
        await cluster.controller.start();
      }
      expect(told[0]).toMatch(/unable to contact slurm controller|timed out|does not answer/i);
      expect(await cancelJobs([job], { env })).toEqual({ left: [] });
    });
  });

  test('the site tells what it allows', async () => {
    expect(await askSite(env)).toMatchObject({ mostElements: 1_001, mostJobs: 10_000, hasAccounting: false });
    await checkSlurmOptions({ comment: 'x' }, env);
    await expect(checkSlurmOptions({ array: '1' }, env)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
