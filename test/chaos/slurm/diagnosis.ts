/** What can be seen of a run that does not come to its end, for the one who looks into it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../../support/slurm-cluster.js';

export async function diagnosis(cluster: Cluster, dir: string | null): Promise<string[]> {
  const ask = async (command: string, ...args: string[]): Promise<string[]> =>
    (await cluster.run(command, ...args).catch(String)).split('\n').map((line) => `${command}: ${line}`);
  return [
    ...(await ask('squeue', '--noheader', '-r', '-t', 'all', '-o', '%i|%T|%r|%N|%j')),
    ...(await ask('sinfo', '--noheader', '-N', '-o', '%N %T %E')),
    ...cluster.nodes.flatMap((node) =>
      node.processes().map(({ pid, command }) => `${node.name}: ${pid} ${command.slice(0, 120)}`),
    ),
    ...(dir === null ? [] : ofRounds(dir)),
  ];
}

function ofRounds(dir: string): string[] {
  const rounds = join(dir, 'rounds');
  if (!existsSync(rounds)) return [];
  return readdirSync(rounds).flatMap((round) => {
    const folder = join(rounds, round);
    const workers = join(folder, 'workers');
    const beats = existsSync(workers) ? readdirSync(workers).sort() : [];
    const jobs = join(folder, 'jobs.ndjson');
    return [
      ...beats.map((name) => `round ${round}: ${name}: ${readFileSync(join(workers, name), 'utf8').trim()}`),
      ...(existsSync(jobs)
        ? [`round ${round}: ${readFileSync(jobs, 'utf8').trim().replaceAll('\n', ' ')}`]
        : []),
      `round ${round}: ${readdirSync(folder).join(' ')}`,
      `round ${round}: claims ${readdirSync(join(folder, 'claims'))
        .filter((name) => !name.endsWith('.writer'))
        .join(' ')}`,
    ];
  });
}
