import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { RoundContext } from '../../contract/platform.js';
import { makeTool } from '../../store/tool.js';
import { runPaths } from '../../store/run-folder.js';
import type { QueueAnswer, SlurmClient } from './client.js';
import { slurm } from './slurm-cli.js';

const q = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
export function quickClient(context: RoundContext): SlurmClient {
  const { spec, dir, round } = context;
  const env = { ...process.env, ...context.env };
  const self: SlurmClient = {
    mostElements: async () => Promise.resolve(1001),
    async submit(name, elements) {
      const tool = makeTool(runPaths(dir));
      const script = `#!/bin/bash\ntrap '' USR2\n${spec.slurm.setup.join('\n')}\nexec ${q(process.execPath)} ${q(join(tool, 'dist/cli/bin.js'))} worker --run ${q(dir)} --round ${round}\n`;
      const args = [
        '--parsable',
        `--job-name=${name}`,
        `--array=0-${elements - 1}`,
        `--cpus-per-task=${spec.cpus * spec.slurm.hostsPerWorker}`,
        '--requeue',
        '--open-mode=append',
        `--output=${join(dir, 'logs', 'slurm-%A_%a.out').replace(/%(?![Aa])/g, '%%')}`,
        '--signal=B:USR2@60',
        ...(spec.gpus > 0 ? [`--gres=gpu:${spec.gpus * spec.slurm.hostsPerWorker}`] : []),
        ...(spec.slurm.time ? [`--time=${Math.ceil(spec.slurm.time / 60)}`] : []),
      ];
      return await new Promise<string>((resolve, reject) => {
        const child = spawn('sbatch', args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
        let out = '',
          err = '';
        child.stdout.on('data', (d) => (out += d));
        child.stderr.on('data', (d) => (err += d));
        child.on('close', (code) =>
          code === 0 ? resolve(out.trim().split(';')[0] as string) : reject(new Error(err)),
        );
        child.stdin.end(script);
      });
    },
    async queue(): Promise<QueueAnswer> {
      const askedAt = performance.now();
      const { code, stdout } = await slurm(
        'squeue',
        ['--me', '-h', '-r', '-t', 'all', '-o', '%F|%K|%T|%r|%N|%j|%i'],
        { env },
      );
      if (code !== 0) return { rows: [], askedAt, silentMs: 1 };
      const rows = stdout
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => {
          const [job, index, state, reason, node, name] = line.split('|');
          return {
            job: job!,
            index: Number(index),
            state: state!,
            reason: reason!,
            node: node!,
            startsAt: null,
            restarts: 0,
            name: name!,
          };
        });
      return { rows, askedAt, silentMs: 0 };
    },
    async cancel(jobs, which) {
      await slurm('scancel', [...(which === 'pending' ? ['--state=PENDING'] : []), ...jobs], { env });
      if (which === 'pending') return { left: [] };
      for (let i = 0; i < 20; i++) {
        const { rows } = await self.queue();
        const left = rows.filter(
          (r) => jobs.includes(r.job) && ['RUNNING', 'COMPLETING', 'PENDING'].includes(r.state),
        );
        if (left.length === 0) return { left: [] };
        await new Promise((r) => setTimeout(r, 500));
      }
      return { left: ['?'] };
    },
  };
  return self;
}
