import { UsageError } from '../../base/errors.js';
import type { JobPlan } from '../../job/dry-run.js';
import type { Reporter } from '../../job/reporter.js';
import { paint } from '../colors.js';
import { onInterrupt } from '../interrupts.js';
import type { Io } from '../io.js';
import type { GivenOptions } from '../options.js';
import { planObject, planText } from '../plan-text.js';
import { TerminalReporter } from '../terminal-reporter.js';

/** True for `--dry-run`. Throws USAGE for `--json` without it. */
export function isDryRun({ dry_run: isDry, json }: GivenOptions): boolean {
  if (isDry === true || json !== true) return isDry === true;
  throw new UsageError('USAGE', 'expected --dry_run with --json, got --json alone', {
    hint: 'Results are printed as NDJSON in any case; `dl_jobs status --json` tells of the run.',
  });
}

export interface Planning {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly env: Io['env'];
}

/**
 * `--dry-run` of the commands that run jobs: prints what the jobs would be. Returns the exit code: 0, or 130 after
 * Ctrl-C. Throws what their runs would end with, when that is known.
 */
export async function dryRun(
  io: Io,
  asJson: boolean,
  work: (planning: Planning) => Promise<readonly JobPlan[]>,
): Promise<number> {
  const stop = new AbortController();
  const interrupt = onInterrupt(io, () => stop.abort());
  try {
    const plans = await work({ reporter: new TerminalReporter(io), signal: stop.signal, env: io.env });
    if (stop.signal.aborted) return 130;
    const colours = paint(io.stdout.isTTY && (io.env['NO_COLOR'] ?? '') === '');
    for (const [at, plan] of plans.entries()) {
      if (asJson) io.stdout.write(`${JSON.stringify(planObject(plan))}\n`);
      else io.stdout.write(`${at > 0 ? '\n' : ''}${planText(plan, colours)}`);
    }
    if (!asJson && plans.length > 0) io.stderr.write('dry run: nothing was submitted, run or written\n');
    const refused = plans.find(({ platform }) => platform !== null && platform.refusal !== null);
    if (refused !== undefined) throw refused.platform?.refusal;
    return 0;
  } finally {
    interrupt.release();
  }
}
