import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from '../../test/support/slurm-cluster.js';

interface Contender {
  readonly name: string;
  readonly tasks: number;
  run(round: number): Promise<void>;
}

const JOB = `
import { DLJob } from 'dl-jobs';
export const noop = (n: string) =>
  new DLJob({ moduleName: 'noop', methodName: 'noop', argsList: Number(n), platformJob: true, saveResults: 'out', resultsTimestamp: false });
`;
const SUBMITIT = `
import sys, submitit
executor = submitit.AutoExecutor(folder=sys.argv[2])
executor.update_parameters(timeout_min=5, mem_gb=0.3, slurm_array_parallelism=8, slurm_use_srun=False)
def noop(i):
    return i
jobs = executor.map_array(noop, range(int(sys.argv[1])))
assert [job.result() for job in jobs] == list(range(int(sys.argv[1])))
`;

const USAGE = 'node bench/slurm.mjs [--rounds 3] [--tasks 20000] [--elements 100] [--submitit 24]';

/** Null: the words are not understood. */
function sizesOf(
  argv: readonly string[],
): Record<'rounds' | 'tasks' | 'elements' | 'submitit', number> | null {
  const count = (fallback: number) => ({ type: 'string', default: String(fallback) }) as const;
  // Each task of submitit starts a Python.
  const options = { rounds: count(3), tasks: count(20_000), elements: count(100), submitit: count(24) };
  try {
    const { values } = parseArgs({ args: [...argv], options });
    const { rounds, tasks, elements, submitit } = values;
    const sizes = {
      rounds: Number(rounds),
      tasks: Number(tasks),
      elements: Number(elements),
      submitit: Number(submitit),
    };
    return Object.values(sizes).every((size) => Number.isSafeInteger(size) && size > 0) ? sizes : null;
  } catch {
    return null;
  }
}

export async function main(argv: readonly string[], repo: string, scratch: string): Promise<void> {
  const sizes = sizesOf(argv);
  if (sizes === null) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const { rounds, tasks, elements, submitit } = sizes;
  const cluster = await startCluster({
    nodes: 3,
    cpus: 40,
    memory: 64_000,
    // submitit hears of ends from sacct alone.
    accounting: 'slurmdbd',
    set: { DefMemPerCPU: '300' },
  });
  const env = { ...process.env, ...cluster.env };
  const call = async (command: string, args: readonly string[]): Promise<string> =>
    await output(command, args, scratch, env);
  try {
    for (const folder of ['run', 'node_modules', 'array']) mkdirSync(join(scratch, folder));
    symlinkSync(repo, join(scratch, 'node_modules/dl-jobs'), 'dir');
    writeFileSync(join(scratch, 'run/bench.ts'), JOB);
    writeFileSync(join(scratch, 'noop.ts'), 'export const noop = (i: number) => i;\n');
    writeFileSync(
      join(scratch, 'dl_jobs.config.yaml'),
      'platform: slurm\nis_dev: false\nmax_workers: 8\nnoisy: false\n',
    );
    writeFileSync(join(scratch, 'array_submitit.py'), SUBMITIT);
    const contenders: Contender[] = [
      {
        name: 'dl-jobs, 8 workers',
        tasks,
        run: async () => {
          await call(process.execPath, [join(repo, 'dist/cli/bin.js'), 'run', 'bench.noop', String(tasks)]);
          const lines = readFileSync(join(scratch, 'results/out.ndjson'), 'utf8').trimEnd().split('\n');
          if (new Set(lines).size !== tasks) throw new Error(`${lines.length} results of ${tasks} tasks`);
          rmSync(join(scratch, 'results'), { recursive: true });
        },
      },
      {
        name: 'an array element a task',
        tasks: elements,
        run: async () => {
          const script = `echo $SLURM_ARRAY_TASK_ID >${join(scratch, 'array')}/$SLURM_ARRAY_TASK_ID`;
          await call('sbatch', [
            '--wait',
            `--array=0-${elements - 1}`,
            '--output=/dev/null',
            '--wrap',
            script,
          ]);
        },
      },
    ];
    if ((await call('python3', ['-c', 'import submitit']).catch(() => null)) !== null) {
      contenders.push({
        name: 'submitit, map_array',
        tasks: submitit,
        run: async (round) => {
          const folder = join(scratch, `submitit-${round}`);
          await call('python3', [join(scratch, 'array_submitit.py'), String(submitit), folder]);
        },
      });
    } else console.error('submitit is not installed for python3: left out');
    await report(contenders, rounds);
  } finally {
    await cluster.stop();
  }
}

async function report(contenders: readonly Contender[], rounds: number): Promise<void> {
  const rates = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, tasks, run } of contenders) {
      const begin = performance.now();
      await run(round);
      const rate = (tasks / (performance.now() - begin)) * 1000;
      rates.get(name)?.push(rate);
      console.error(`round ${round + 1}: ${name}: ${rate.toFixed(1)} tasks/s`);
    }
  }
  const own = rates.get(contenders[0]?.name ?? '') ?? [];
  for (const { name, tasks } of contenders) {
    const all = rates.get(name) ?? [];
    const ratio = median(all.map((rate, i) => (own[i] as number) / rate));
    console.log(
      `${name.padEnd(26)} ${String(tasks).padStart(6)} tasks  ${median(all).toFixed(1).padStart(9)} tasks/s  dl-jobs is ${ratio.toFixed(0)} x as fast`,
    );
  }
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

function output(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => out.push(data));
    child.stderr.on('data', (data: Buffer) => err.push(data));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString());
      else reject(new Error(`${command} ended with ${code}: ${Buffer.concat(err).toString()}`));
    });
  });
}
