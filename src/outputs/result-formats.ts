/** Results of a run in the forms that people ask for, in pieces of bytes as latin1 text. */
import type { ScannedEnd } from '../contract/record-scan.js';
import type { RunFile } from '../contract/spec.js';
import { ArgsReader } from '../store/args-store.js';
import type { RunPaths } from '../store/run-folder.js';
import { csvRow } from './csv-row.js';
import { passRecord, type TaskEnd } from './find-task.js';
import { jsonMembers, plainText } from './json-members.js';
import { toLatin1 } from './output-file.js';
import { RecordLines, type OnRecord } from './record-lines.js';
import { surveyRun } from './survey.js';
import { orderedWinners, winningChunks } from './winning-ends.js';

export type ResultFormat = 'ndjson' | 'json' | 'csv';

export interface FormatOptions {
  readonly format: ResultFormat;
  /** Each with its task and arguments. */
  readonly withArgs: boolean;
  /** By task, not as they were recorded. */
  readonly ordered: boolean;
}

/** Records that count, some at a time: each function passes its own on. May be walked over several times. */
type Records = () => Iterable<(onRecord: OnRecord) => void>;

/** What is printed, piece by piece: an item of the list of one task, or what a task gave on the whole. */
interface Item {
  readonly task: number;
  /** The line of the results file. */
  readonly json: string;
}

/** Pieces are of about this size. */
const PIECE = 65_536;

/** The results of all tasks. Throws JOURNAL_DAMAGED, STORE_FAILED. */
export function resultsOfRun(paths: RunPaths, run: RunFile, options: FormatOptions): Generator<string> {
  const survey = surveyRun(paths);
  return formatted(paths, run, options, function* () {
    if (!options.ordered) yield* winningChunks(paths, survey);
    else {
      for (const { end, text, bytes } of orderedWinners(paths, survey)) {
        yield (onRecord) => onRecord(end, text, bytes);
      }
    }
  });
}

/** The results of one task. */
export function resultsOfTask(
  paths: RunPaths,
  run: RunFile,
  options: FormatOptions,
  task: number,
  end: TaskEnd,
): Generator<string> {
  return formatted(paths, run, options, () => [(onRecord) => passRecord(task, end, onRecord)]);
}

function* formatted(
  paths: RunPaths,
  run: RunFile,
  { format, withArgs }: FormatOptions,
  records: Records,
): Generator<string> {
  const args = new ArgsReader(paths);
  const lines = new RecordLines(paths, run, '', 'results');
  const argsOf = (task: number): string => toLatin1(args.line(task));
  const onePerTask: ItemsOf = ({ task, failure, valueFrom, valueTo }, text) => {
    if (failure !== null) return [];
    const value = text.slice(valueFrom, valueTo);
    return [{ task, json: `{"task":${task},"args":${argsOf(task)},"value":${value}}` }];
  };
  const onePerLine: ItemsOf = (end, text, bytes) =>
    lines.of(end, text, bytes).map((json) => ({ task: end.task, json }));
  try {
    if (format === 'csv') {
      yield* inPieces(csvRows(() => items(records, onePerLine), withArgs ? argsOf : null));
      return;
    }
    const all = items(records, withArgs ? onePerTask : onePerLine);
    yield* inPieces(format === 'json' ? oneArray(all) : eachOnALine(all));
  } finally {
    lines.close();
    args.close();
  }
}

type ItemsOf = (end: ScannedEnd, text: string, bytes: Buffer) => readonly Item[];

function* items(records: Records, itemsOf: ItemsOf): Generator<Item> {
  for (const pass of records()) {
    const found: Item[] = [];
    pass((end, text, bytes) => {
      for (const item of itemsOf(end, text, bytes)) found.push(item);
    });
    yield* found;
  }
}

function* eachOnALine(all: Iterable<Item>): Generator<string> {
  for (const { json } of all) yield `${json}\n`;
}

function* oneArray(all: Iterable<Item>): Generator<string> {
  let before = '[\n';
  for (const { json } of all) {
    yield before + json;
    before = ',\n';
  }
  yield before === ',\n' ? '\n]\n' : '[]\n';
}

/**
 * Two walks: the columns are all the keys there are, in the order in which they first appear.
 *
 * @param argsOf - tells the arguments of a task, which then stand in columns too
 */
function* csvRows(walk: () => Iterable<Item>, argsOf: ((task: number) => string) | null): Generator<string> {
  const argColumns = new Set<string>();
  const columns = new Set<string>();
  let rows = 0;
  for (const { task, json } of walk()) {
    rows++;
    if (argsOf !== null) for (const key of cells(argsOf(task), 'args', 'args.').keys()) argColumns.add(key);
    for (const key of cells(json, 'value', '').keys()) columns.add(key);
  }
  const first = argsOf === null ? [] : ['task', ...argColumns];
  if (rows === 0 || first.length + columns.size === 0) return;
  yield csvRow([...first, ...columns]);
  for (const { task, json } of walk()) {
    const row: string[] = [];
    if (argsOf !== null) {
      const own = cells(argsOf(task), 'args', 'args.');
      row.push(String(task));
      for (const key of argColumns) row.push(own.get(key) ?? '');
    }
    const own = cells(json, 'value', '');
    for (const key of columns) row.push(own.get(key) ?? '');
    yield csvRow(row);
  }
}

/** The cells of a value by their columns: one for each key of an object, one named `single` for all else. */
function cells(json: string, single: string, prefix: string): Map<string, string> {
  const members = jsonMembers(json);
  if (members === null) return new Map([[single, plainText(json)]]);
  return new Map([...members].map(([key, value]) => [prefix + key, plainText(value)]));
}

function* inPieces(texts: Iterable<string>): Generator<string> {
  let held: string[] = [];
  let size = 0;
  for (const text of texts) {
    held.push(text);
    size += text.length;
    if (size < PIECE) continue;
    yield held.join('');
    held = [];
    size = 0;
  }
  if (size > 0) yield held.join('');
}
