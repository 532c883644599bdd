/** `dl_jobs errors [RUN]`: the errors of a run, those that are alike together. */
import { plural } from '../../job/summary-text.js';
import { outputsThere } from '../../outputs/outputs-there.js';
import { viewRun, type RunOverview } from '../../outputs/run-state.js';
import type { ErrorGroup } from '../../outputs/tally.js';
import { paint, type Paint } from '../colors.js';
import type { Io } from '../io.js';
import { cut, printable } from '../printable.js';
import type { ParsedCommand } from '../tokenize.js';
import { namedRun } from './run-word.js';

const MESSAGE_LINES = 3;
const LINE_LENGTH = 200;

/** Prints the errors of a run by type and message. @returns the exit code: 0 whatever there is. */
export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const overview = viewRun(await namedRun(parsed, io));
  if (parsed.options.json === true) printJson(overview, io);
  else printText(overview, io);
  return 0;
}

function printJson({ id, state }: RunOverview, io: Io): void {
  for (const { failure, type, message, count, task } of state.groups) {
    const line = { failure, type, message, count, task, replay: replayOf(id, task) };
    io.stdout.write(`${JSON.stringify(line)}\n`);
  }
  if (state.ungrouped === 0) return;
  const others = {
    failure: null,
    type: null,
    message: null,
    count: state.ungrouped,
    task: null,
    replay: null,
  };
  io.stdout.write(`${JSON.stringify(others)}\n`);
}

function printText({ id, paths, run, state }: RunOverview, io: Io): void {
  const { counts, groups, ungrouped, status } = state;
  const colours = paint(io.stdout.isTTY && (io.env['NO_COLOR'] ?? '') === '');
  const out: string[] = [
    counts.errors === 0
      ? `${id} (${status}): no errors in ${counts.done} ${plural('task', counts.done)}`
      : `${id} (${status}): ${counts.errors} of ${counts.done} tasks failed`,
  ];
  for (const group of groups) out.push('', ...groupLines(group, id, colours));
  if (ungrouped > 0) {
    out.push('', `${ungrouped} ${plural('error', ungrouped)} of further kinds; the errors file has them all`);
  }
  const { errors } = outputsThere(paths, run);
  if (counts.errors > 0 && errors !== null) out.push('', `errors  ${errors}`);
  io.stdout.write(`${out.join('\n')}\n`);
}

function groupLines(
  { failure, type, message, count, task }: ErrorGroup,
  id: string,
  colours: Paint,
): string[] {
  const said = printable(`${type === null ? '' : `${type}: `}${message}`).split('\n');
  const [first = '', ...rest] = said.slice(0, MESSAGE_LINES).map((line) => cut(line, LINE_LENGTH));
  return [
    `${count} × ${colours.red(failure)}  ${first}`,
    ...rest.map((line) => `    ${line}`),
    `    such as task ${task}: ${replayOf(id, task)}`,
  ];
}

/** The one line that reproduces it. */
function replayOf(id: string, task: number): string {
  return `dl_jobs replay ${id} --task ${task}`;
}
