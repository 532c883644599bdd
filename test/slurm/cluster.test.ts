/** The harness itself: what the other tests of this folder take for granted. */
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isRunning } from '../e2e/processes.js';
import { makeProject, repoRoot } from '../support/project.js';
import { requires } from '../support/requires.js';
import { type Cluster, startCluster, waitFor } from '../support/slurm-cluster.js';
import { appears, becomes, endsOf, outputs, stateOf, submit, untilBegun } from './jobs.js';

describe('a cluster', { timeout: 300_000, ...requires('slurm') }, () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ gpus: { a100: 1, v100: 1 } });
  }, 300_000);
  afterAll(() => cluster?.stop());

  test('gives each element of an array a GPU of its own, on a node that knows its name', async () => {
    // One that ended sooner would leave its GPU to the next.
    const script = `${untilBegun(cluster, 'gpu', 6)}; echo "$(hostname) $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES"`;
    const job = await submit(cluster, 'gpu', script, '--array=0-5', '--gpus=1', '--wait');
    const ended = await endsOf(cluster, job);
    expect(ended.sort()).toEqual([0, 1, 2, 3, 4, 5].map((index) => `${job}_${index} COMPLETED`));
    const places = ['n1 n1 0', 'n1 n1 1', 'n2 n2 0', 'n2 n2 1', 'n3 n3 0', 'n3 n3 1'];
    expect(outputs(cluster, 'gpu')).toEqual(places);
  });

  test('has GPUs of different types, and shows none to who asked for none', async () => {
    await Promise.all([
      submit(cluster, 'typed', 'scontrol show job -d $SLURM_JOB_ID', '--gpus=v100:1', '--wait'),
      submit(cluster, 'none', 'echo "[$CUDA_VISIBLE_DEVICES]"', '--wait'),
    ]);
    expect(outputs(cluster, 'typed').join('\n')).toContain('GRES=gpu:v100:1(IDX:1)');
    expect(outputs(cluster, 'none')).toEqual(['[]']);
  });

  test('has nodes with process ids of their own, by which nobody else finds a process', async () => {
    const script = 'echo $$; cat /proc/sys/kernel/random/boot_id; sleep 100';
    const job = await submit(cluster, 'pid', script, '-w', 'n2');
    const written = (): string[] => outputs(cluster, 'pid').join('').split('\n');
    await waitFor(
      () => 'the job does not write',
      async () => written().length === 2,
    );
    const [pid, bootId] = written();
    expect(bootId).not.toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
    const processes = cluster.node('n2').processes();
    const shell = processes.find(({ innerPid }) => innerPid === Number(pid));
    expect(shell?.command).toContain('slurm_script');
    process.kill(shell!.pid, 'SIGKILL');
    await becomes(cluster, job, 'FAILED');
  });

  test('keeps jobs while its controller is down, and does not answer', async () => {
    const go = join(cluster.dir, 'go');
    const running = await submit(cluster, 'kept', `until [ -e ${go} ]; do sleep 0.1; done`);
    const queued = await submit(cluster, 'queued', 'true', '-d', `afterok:${running}`);
    await becomes(cluster, running, 'RUNNING');
    await cluster.controller.stop();
    await expect(cluster.squeue()).rejects.toThrow('Unable to contact slurm controller');
    await cluster.controller.start();
    expect([await stateOf(cluster, running), await stateOf(cluster, queued)]).toEqual(['RUNNING', 'PENDING']);
    cluster.controller.pause();
    await expect(cluster.squeue()).rejects.toThrow('timed out');
    cluster.controller.resume();
    writeFileSync(go, '');
    await becomes(cluster, queued, 'COMPLETED');
  });
});

describe('a cluster with control groups', { timeout: 300_000, ...requires('slurm', 'cgroup1') }, () => {
  test('kills what takes more memory than it asked for, and leaves no group', async () => {
    const cluster = await startCluster({ nodes: 1, memoryLimit: 'cgroup' });
    const groups = join('/sys/fs/cgroup/memory', basename(cluster.dir));
    try {
      const job = await submit(cluster, 'greedy', 'head -c 300M /dev/zero | tail', '--mem=50M');
      await becomes(cluster, job, 'OUT_OF_MEMORY');
      expect(readdirSync(groups)).toContain('slurm_n1');
    } finally {
      await cluster.stop();
    }
    expect(existsSync(groups)).toBe(false);
  });
});

describe('a cluster with accounting', { timeout: 300_000, ...requires('slurm', 'slurmdbd') }, () => {
  test('answers sacct', async () => {
    const cluster = await startCluster({ nodes: 1, gpus: 0, accounting: 'slurmdbd' });
    try {
      const job = await submit(cluster, 'bad', 'exit 7');
      let seen = '';
      await waitFor(
        () => `sacct says ${seen}`,
        async () => {
          seen = await cluster.run('sacct', '-X', '-n', '-P', '-j', job, '-o', 'JobID,State,ExitCode');
          return seen === `${job}|FAILED|7:0`;
        },
      );
    } finally {
      await cluster.stop();
    }
  });
});

describe('what a cluster leaves behind', { timeout: 300_000, ...requires('slurm') }, () => {
  test('nothing, when it is stopped while all of it is frozen', async () => {
    const cluster = await startCluster({ nodes: 1 });
    const node = cluster.node('n1');
    await submit(cluster, 'sleeper', 'sleep 500');
    await appears(node, 'sleep 500');
    const pids = node.pids();
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    node.pause();
    cluster.controller.pause();
    await cluster.stop();
    expect(existsSync(cluster.dir)).toBe(false);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  test('nothing, when the process that started it is killed', async () => {
    const outfile = makeProject({}).path('holder.mjs');
    const how = { bundle: true, platform: 'node', format: 'esm', target: 'node20' } as const;
    await build({ entryPoints: [join(repoRoot, 'test/slurm/holder.ts')], outfile, ...how });
    const holder = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface(holder.stdout)[Symbol.asyncIterator]();
    const { dir, pids } = JSON.parse(String((await lines.next()).value)) as { dir: string; pids: number[] };
    expect(existsSync(dir)).toBe(true);
    expect(pids.filter((pid) => !isRunning(pid))).toEqual([]);
    holder.kill('SIGKILL');
    await waitFor(
      () => `still there: ${dir}, processes ${pids.filter(isRunning).join(' ')}`,
      async () => !existsSync(dir) && !pids.some(isRunning),
    );
  });
});
