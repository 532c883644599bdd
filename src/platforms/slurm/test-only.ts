/** Asks `sbatch` whether it would take a job, without giving it one. */
import type { DlJobsError } from '../../base/errors.js';
import { formatDuration } from '../../base/sizes.js';
import { firstComplaint, slurm, slurmMissing, type Environment } from './slurm-cli.js';
import { rejected } from './submit.js';

/** What it says of a request. */
export type Verdict =
  /** It would take it. */
  | { readonly kind: 'taken'; readonly text: string }
  | { readonly kind: 'refused'; readonly error: DlJobsError }
  /** Nobody knows. */
  | { readonly kind: 'silent'; readonly text: string };

/** Throws SLURM_MISSING. */
export async function testOnly(
  args: readonly string[],
  script: string,
  env: Environment,
  timeoutMs: number,
): Promise<Verdict> {
  const ran = await slurm('sbatch', ['--test-only', ...args], { env, input: script, timeoutMs });
  if (ran.outcome === 'missing') throw slurmMissing('sbatch');
  if (ran.outcome === 'unreachable') return { kind: 'silent', text: firstComplaint(ran) };
  if (ran.outcome === 'refused') return { kind: 'refused', error: rejected(ran) };
  const [, start, nodes] = /to start at (\S+) using .* on nodes? (\S+)/.exec(ran.stderr) ?? [];
  const at = start === undefined ? NaN : Date.parse(start);
  if (start === undefined || Number.isNaN(at)) return { kind: 'taken', text: 'it would be taken' };
  const seconds = Math.max(0, Math.round((at - Date.now()) / 1_000));
  const when = seconds < 60 ? 'at once' : `in about ${formatDuration(seconds)}`;
  return { kind: 'taken', text: `it would be taken, and start ${when} on ${nodes}` };
}
