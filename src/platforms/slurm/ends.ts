/** How elements ended that the queue shows no more. */
import { slurm, type Environment } from './slurm-cli.js';
import type { JobEnd } from './client.js';

const FIELDS = 'JobID,State,ExitCode,NodeList,Reason';

/**
 * Asks the accounting of the cluster, where there is one, how the elements `J_T` ended; those that it does not know, or
 * that have not ended, are left out. Nobody learns more anywhere else.
 */
export async function endsOf(ids: readonly string[], env: Environment): Promise<Map<string, JobEnd>> {
  if (ids.length === 0) return new Map();
  const args = ['-X', '-n', '-P', '-o', FIELDS, '-j', ids.join(',')];
  const { outcome, stdout } = await slurm('sacct', args, { env });
  return outcome === 'ok' ? parseEnds(stdout) : new Map<string, JobEnd>();
}

/** What `sacct` prints. Of an element that was started several times the last line counts. */
export function parseEnds(text: string): Map<string, JobEnd> {
  const ends = new Map<string, JobEnd>();
  for (const line of text.split('\n')) {
    const [id = '', state = '', exit = '', node = '', reason = ''] = line.split('|');
    const [, code, signal] = /^(\d+):(\d+)$/.exec(exit) ?? [];
    // `CANCELLED by 1000`
    const [word = ''] = state.split(' ');
    if (!/^\d+_\d+$/.test(id) || word === '') continue;
    ends.delete(id);
    if (word === 'PENDING' || word === 'RUNNING' || word === 'REQUEUED' || word === 'SUSPENDED') continue;
    ends.set(id, {
      state: word,
      reason: reason === 'None' ? '' : reason,
      exit: code === undefined ? null : { code: Number(code), signal: Number(signal) },
      node: node === 'None assigned' ? '' : node,
    });
  }
  return ends;
}
