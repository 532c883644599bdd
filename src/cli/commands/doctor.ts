/** `dl_jobs doctor`: can jobs run here? */
import type { Check } from '../../contract/check.js';
import { examine } from '../../job/doctor.js';
import { plural } from '../../job/summary-text.js';
import { paint, type Paint } from '../colors.js';
import { onInterrupt } from '../interrupts.js';
import type { Io } from '../io.js';
import { settingsFromOptions } from '../options.js';
import { printable } from '../printable.js';
import type { ParsedCommand } from '../tokenize.js';
import { noWords } from './run-word.js';

const WAIT_SECONDS = 30;
const NAME_WIDTH = 15;

/** Prints a line a check. @returns the exit code: 0, 1 when something must be mended, 130 after Ctrl-C. */
export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  noWords(parsed);
  const { options } = parsed;
  const colours = paint(io.stdout.isTTY && (io.env['NO_COLOR'] ?? '') === '');
  const stop = new AbortController();
  const interrupt = onInterrupt(io, () => stop.abort());
  const found = { ok: 0, warning: 0, failed: 0 };
  try {
    for await (const check of examine({
      cwd: io.cwd,
      env: io.env,
      commandLine: settingsFromOptions(options),
      probe: options.probe ?? true,
      waitMs: (options.wait ?? WAIT_SECONDS) * 1_000,
      signal: stop.signal,
    })) {
      found[check.state]++;
      io.stdout.write(options.json === true ? `${JSON.stringify(check)}\n` : checkLines(check, colours));
    }
  } finally {
    interrupt.release();
  }
  if (interrupt.came) return 130;
  if (options.json !== true) {
    const { failed, warning } = found;
    io.stderr.write(
      failed > 0
        ? `${failed} ${plural('thing', failed)} must be mended\n`
        : warning > 0
          ? `jobs can run; ${warning} ${plural('warning', warning)}\n`
          : 'all is well\n',
    );
  }
  return found.failed > 0 ? 1 : 0;
}

function checkLines({ name, state, text, hint }: Check, colours: Paint): string {
  const word = state === 'failed' ? 'FAILED' : state;
  const colour = state === 'ok' ? colours.green : state === 'warning' ? colours.yellow : colours.red;
  // Texts of others are in it, such as what a batch script wrote.
  const lines = printable(text).trimEnd().split('\n');
  const [first = '', ...more] = lines;
  return [
    `${colour(word.padEnd(7))}  ${name.padEnd(NAME_WIDTH)}  ${first}`,
    ...more.map((line) => `${' '.repeat(NAME_WIDTH + 11)}${line}`),
    ...(hint === undefined || hint === '' ? [] : [`         ${colours.dim(printable(hint))}`]),
    '',
  ].join('\n');
}
