/** `dl_jobs status [RUN] [--watch]` */
import { lookFurther } from '../../job/look-elsewhere.js';
import { reportOf } from '../../outputs/run-report.js';
import { isLive, viewRun } from '../../outputs/run-state.js';
import type { RunPaths } from '../../store/run-folder.js';
import { paint } from '../colors.js';
import type { Io } from '../io.js';
import { onInterrupt } from '../interrupts.js';
import { statusLines } from '../status-text.js';
import type { ParsedCommand } from '../tokenize.js';
import { namedRun } from './run-word.js';

const WATCH_MS = 1_000;

/** Shows how a run is doing. @returns the exit code: 0 whatever became of the run. */
export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const paths = await namedRun(parsed, io);
  const asJson = parsed.options.json === true;
  if (parsed.options.watch !== true) {
    await show(paths, io, asJson);
    return 0;
  }
  const interrupt = onInterrupt(io);
  try {
    for (let first = true; ; first = false) {
      if (await show(paths, io, asJson, first ? 'first' : 'again')) return 0;
      await interrupt.orAfter(WATCH_MS);
      if (interrupt.came || io.stdout.closed) return 0;
    }
  } finally {
    interrupt.release();
  }
}

/** True: the run goes on no more. `watched`: the last look at it is replaced. */
async function show(paths: RunPaths, io: Io, asJson: boolean, watched?: 'first' | 'again'): Promise<boolean> {
  const overview = await lookFurther(viewRun(paths));
  const report = reportOf(overview);
  const { isTTY, columns = 80 } = io.stdout;
  if (asJson) {
    io.stdout.write(`${JSON.stringify(report)}\n`);
  } else {
    const colours = paint(isTTY && (io.env['NO_COLOR'] ?? '') === '');
    const lines = statusLines(report, colours, io.now());
    if (watched !== undefined && isTTY) {
      // From the top of the screen, each line erased to its end, and what is below too: it does not flicker.
      const fitting = lines.map((line) => `${cutLine(line, columns)}\u001b[K\n`).join('');
      io.stdout.write(`${watched === 'first' ? '\u001b[2J' : ''}\u001b[H${fitting}\u001b[J`);
    } else {
      io.stdout.write(`${watched === 'again' ? '\n' : ''}${lines.join('\n')}\n`);
    }
  }
  return !isLive(overview.state.status);
}

/** Without a line break of the terminal's own. Colours count for nothing. */
function cutLine(line: string, columns: number): string {
  let width = 0;
  return line.replace(/(\u001b\[[\d;]*m)|[^]/gu, (one, colour?: string) =>
    colour !== undefined || ++width <= columns ? one : '',
  );
}
