/**
 * Shows runs on a terminal or a pipe. stdout gets results and task output, stderr all else. On a terminal one live
 * line stands below what is printed; on a pipe a plain line comes every few seconds.
 */
import { formatElapsed } from '../base/timer.js';
import type { Reporter, RunView } from '../job/reporter.js';
import type { RunSummary } from '../job/summary.js';
import { paint, type Paint } from './colors.js';
import type { Io } from './io.js';
import { plural, progressText } from './progress-text.js';

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

  constructor(io: Io) {
    this.#io = io;
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
    const { counts, paths } = summary;
    const { green, red, yellow, dim } = this.#paint;
    const state =
      summary.status === 'interrupted'
        ? yellow('interrupted')
        : counts.errors > 0
          ? red('finished with errors')
          : green('finished');
    const total = counts.total === null || counts.total === counts.done ? '' : ` of ${counts.total}`;
    const lines = [
      `${summary.spec.moduleName}.${summary.spec.methodName}: ${state}: ${counts.done}${total} ${plural('task', counts.total ?? counts.done)}, ${counts.ok} ok, ` +
        `${counts.errors} ${plural('error', counts.errors)} in ${duration(summary.durationMs)}`,
    ];
    if (summary.p50Ms !== null && summary.p95Ms !== null) {
      lines.push(`  task time  p50 ${milliseconds(summary.p50Ms)}, p95 ${milliseconds(summary.p95Ms)}`);
    }
    const failures = Object.entries(summary.failures).map(([type, n]) => `${n} ${type}`);
    if (failures.length > 0) lines.push(`  failures   ${failures.join(', ')}`);
    if (this.#firstError !== null) lines.push(`  first      ${this.#firstError}`);
    if (paths.results !== null) lines.push(`  results    ${paths.results}`);
    if (paths.errors !== null) lines.push(`  errors     ${paths.errors}`);
    if (paths.log !== null) lines.push(`  log        ${paths.log}`);
    for (const moved of summary.moved) lines.push(dim(`  an older file of that name is now ${moved}`));
    lines.push(dim(`  run        ${paths.run}`));
    this.#line(lines.join('\n'));
    this.#view = null;
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

/** `task 3: RangeError: too small`, from a line of the errors file (bytes as latin1 text), in one short line. */
function describeError(line: string, task: number): string {
  const { ERROR: error, TYPE: type } = JSON.parse(Buffer.from(line, 'latin1').toString()) as Record<
    string,
    unknown
  >;
  const text = typeof error === 'string' ? error : `returned ERROR ${JSON.stringify(error)}`;
  const [first = ''] = `${typeof type === 'string' ? `${type}: ` : ''}${text}`.split('\n');
  return `task ${task}: ${first.length > 200 ? `${first.slice(0, 200)}…` : first}`;
}

/** Below a minute in seconds: whole ones would say 0 of most small runs. */
function duration(ms: number): string {
  return ms < 60_000 ? `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s` : formatElapsed(ms);
}

function milliseconds(ms: number): string {
  if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`;
  return ms < 1000 ? `${ms.toPrecision(3)} ms` : `${(ms / 1000).toPrecision(3)} s`;
}
