/** `dl_jobs runs`: the runs of the project. */
import { lookFurther } from '../../job/look-elsewhere.js';
import { listRunRows, type BadRunRow, type RunRow } from '../../outputs/run-list.js';
import { runsFolder } from '../../store/run-folder.js';
import { duration } from '../../job/summary-text.js';
import { paint } from '../colors.js';
import type { Io } from '../io.js';
import { printable } from '../printable.js';
import { localTime, statusPaint } from '../status-text.js';
import { alignColumns } from '../table.js';
import type { ParsedCommand } from '../tokenize.js';
import { dlsRoot, noWords } from './run-word.js';

const HEAD = ['ID', 'JOB', 'PLATFORM', 'STATUS', 'DONE', 'ERRORS', 'STARTED', 'DURATION'] as const;
const STATUS = 3;

/** Lists the runs of the project, the latest last. @returns the exit code. */
export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  noWords(parsed);
  const { options } = parsed;
  const root = await dlsRoot(io);
  const rows: (RunRow | BadRunRow)[] = [];
  for await (const row of listRunRows(root, lookFurther)) rows.push(row);
  if (options.json === true) {
    for (const row of rows) io.stdout.write(`${JSON.stringify(row)}\n`);
  } else if (rows.length === 0) {
    io.stderr.write(`no runs in ${runsFolder(root)}\n`);
  } else {
    printTable(rows, io);
  }
  for (const row of rows) {
    if (isBad(row)) io.stderr.write(`${row.id} is ${row.status}: ${printable(row.reason)}\n`);
  }
  return 0;
}

function isBad(row: RunRow | BadRunRow): row is BadRunRow {
  return row.status === 'damaged' || row.status === 'unreadable';
}

function printTable(rows: readonly (RunRow | BadRunRow)[], io: Io): void {
  const colours = paint(io.stdout.isTTY && (io.env['NO_COLOR'] ?? '') === '');
  const lines = alignColumns([HEAD, ...rows.map(cells)], [4, 5, 7]);
  // Colours are put on once the columns stand: they would count as width.
  const from = lines[0]?.indexOf(HEAD[STATUS]) ?? 0;
  lines.forEach((line, at) => {
    const row = rows[at - 1];
    const to = from + (row?.status.length ?? 0);
    const word = line.slice(from, to);
    const shown =
      row === undefined ? line : `${line.slice(0, from)}${statusPaint(row, colours)(word)}${line.slice(to)}`;
    io.stdout.write(`${shown}\n`);
  });
}

function cells(row: RunRow | BadRunRow): string[] {
  if (isBad(row)) return [row.id, '', '', row.status, '', '', '', ''];
  return [
    row.id,
    printable(row.job),
    row.platform,
    row.status,
    `${row.done}/${row.total ?? '?'}`,
    String(row.errors),
    row.started === null ? '-' : localTime(row.started),
    row.started === null ? '-' : duration(row.durationMs),
  ];
}
