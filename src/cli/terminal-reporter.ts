/**
 * Shows runs on a terminal or a pipe. stdout gets results and task output, stderr all else. On a terminal one live
 * line stands below what is printed; on a pipe a plain line comes every few seconds.
 */
import type { Reporter, RunView } from '../job/reporter.js';
import type { RunSummary } from '../outputs/summary.js';
import { describeError, summaryText } from '../job/summary-text.js';
import { paint, type Paint } from './colors.js';
import type { Io } from './io.js';
import { progressText } from './progress-text.js';

/** The live line is drawn again this often. */
const LIVE_MS = 100;
/** On a pipe a line comes this often. */
const PLAIN_MS = 5_000;
/** On a terminal no more lines than this of results, and of task output. */
const TERMINAL_LINES = 200;

export class TerminalReporter implements Reporter {
  readonly #io: Io;
  readonly #paint: Paint;
  #view: RunView | null = null;
  #timer: NodeJS.Timeout | null = null;
  #drawn = false;
  #results = 0;
  #logLines = 0;
  #firstError: string | null = null;
  #rest = '';
  #hidden: readonly string[] = [];

  readonly #isProgram: boolean;

  /** @param options - `isProgram`: a program runs the jobs, which without `noisy` shows nothing of what went well */
  constructor(io: Io, options: { readonly isProgram?: boolean } = {}) {
    this.#io = io;
    this.#isProgram = options.isProgram ?? false;
    this.#paint = paint(io.stderr.isTTY && (io.env['NO_COLOR'] ?? '') === '');
  }

  notice(text: string): void {
    this.#line(text);
  }

  warn(text: string): void {
    this.#line(`${this.#paint.yellow('warning')}: ${text}`);
  }

  started(view: RunView): void {
    this.#view = view;
    this.#results = 0;
    this.#logLines = 0;
    this.#firstError = null;
    this.#rest = '';
    this.#hidden = view.spec.suppress.map((text) => Buffer.from(text).toString('latin1'));
    this.#timer = setInterval(() => this.#tick(), this.#io.stderr.isTTY ? LIVE_MS : PLAIN_MS);
  }

  result(line: string): void {
    if (this.#view?.spec.noisy !== true) return;
    this.#results++;
    if (this.#fits(this.#results)) this.#out(`${line}\n`);
    else if (this.#results === TERMINAL_LINES + 1) {
      this.#line(this.#paint.dim(`… further results are not shown here; they are in the results file`));
    }
  }

  error(line: string, task: number): void {
    this.#firstError ??= describeError(line, task);
  }

  liveOutput(bytes: Buffer): void {
    const text = this.#rest + bytes.toString('latin1');
    const end = text.lastIndexOf('\n') + 1;
    this.#rest = text.slice(end);
    const shown = text
      .slice(0, end)
      .split('\n')
      .filter((line) => !this.#hidden.some((hidden) => line.includes(hidden)))
      .join('\n');
    if (shown !== '') this.#out(shown);
  }

  taskLog(task: number, lines: Iterable<string>): void {
    if (this.#logLines > TERMINAL_LINES && this.#io.stdout.isTTY) return;
    this.#out(`logs[${task}]\n`);
    for (const line of lines) {
      this.#logLines++;
      if (!this.#fits(this.#logLines)) {
        this.#line(this.#paint.dim('… further output is not shown here; it is in the log file'));
        return;
      }
      this.#out(`${line}\n`);
    }
  }

  ended(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#clear();
    if (this.#rest !== '') this.#out(`${this.#rest}\n`);
    this.#rest = '';
  }

  finished(summary: RunSummary): void {
    this.#view = null;
    if (this.#isProgram && !summary.spec.noisy && !summary.failed) return;
    this.#line(summaryText(summary, this.#firstError, this.#paint));
  }

  #fits(lines: number): boolean {
    return lines <= TERMINAL_LINES || !this.#io.stdout.isTTY;
  }

  /** Bytes as latin1 text to stdout; the live line makes room first. */
  #out(latin1: string): void {
    if (this.#io.stdout.isTTY) this.#clear();
    this.#io.stdout.write(Buffer.from(latin1, 'latin1'));
  }

  #line(text: string): void {
    this.#clear();
    this.#io.stderr.write(`${text}\n`);
  }

  #tick(): void {
    if (this.#view === null) return;
    const text = progressText(this.#view, this.#io.now());
    if (!this.#io.stderr.isTTY) {
      this.#io.stderr.write(`${text}\n`);
      return;
    }
    const width = Math.max(20, (this.#io.stderr.columns ?? 80) - 1);
    // To the line's start, erase it, write the new one: nothing scrolls.
    this.#io.stderr.write(`\r\u001b[2K${this.#paint.cyan(text.slice(0, width))}`);
    this.#drawn = true;
  }

  #clear(): void {
    if (!this.#drawn) return;
    this.#io.stderr.write('\r\u001b[2K');
    this.#drawn = false;
  }
}
