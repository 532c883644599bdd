/** Reads the journal of a run that may have been killed, with none of the product's code. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { endsOf, type End, type Line } from '../e2e/journal.js';

export interface Shard {
  readonly name: string;
  readonly lines: readonly Line[];
}

/** `crc` and the rest of a line; null: it is torn or damaged. */
function parse(bytes: Buffer): Line | null {
  if (crc32(bytes.subarray(18)).toString(16).padStart(8, '0') !== bytes.toString('latin1', 8, 16))
    return null;
  return JSON.parse(bytes.toString('utf8')) as Line;
}

/**
 * The shards of a run. A tail that is no whole line is left out; one with whole lines behind it is an error.
 */
export function readJournal(runDir: string): Shard[] {
  const folder = join(runDir, 'journal');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .map((name) => ({ name: name.replace(/\.ndjson$/, ''), lines: readShard(join(folder, name)) }));
}

function readShard(path: string): Line[] {
  const bytes = readFileSync(path);
  const lines: Line[] = [];
  let torn = false;
  for (let from = 0; from < bytes.length;) {
    const newline = bytes.indexOf(10, from);
    const line = newline < 0 ? null : parse(bytes.subarray(from, newline));
    if (line === null) torn = true;
    else if (torn) throw new Error(`${path}: a whole line follows a torn one, at byte ${from}`);
    else lines.push(line);
    if (newline < 0) break;
    from = newline + 1;
  }
  return lines;
}

/** How each attempt ended. */
export function endsOfShards(shards: readonly Shard[]): End[] {
  return shards.flatMap(({ lines }) => lines.flatMap(endsOf));
}

/**
 * Tasks that have an outcome, with the outcome. A task of which two are recorded is an error.
 *
 * @param since - a retry began after that round: errors of before are no outcomes any more, but can be replaced
 */
export function recordedTasks(shards: readonly Shard[], since: number): Map<number, End> {
  const [before, after] = [new Map<number, End>(), new Map<number, End>()];
  for (const end of endsOfShards(shards)) {
    if (end.fin === false) continue;
    const recorded = (end['r'] as number) > since ? after : before;
    const other = recorded.get(end.t);
    if (other !== undefined) {
      throw new Error(`task ${end.t} has two outcomes: ${JSON.stringify(other)} and ${JSON.stringify(end)}`);
    }
    recorded.set(end.t, end);
  }
  for (const [task, end] of before) {
    if (end.s !== 'ok') continue;
    const other = after.get(task);
    if (other !== undefined) throw new Error(`task ${task} was ok and retried: ${JSON.stringify(other)}`);
    after.set(task, end);
  }
  return after;
}

/**
 * The outcome of each task that counts, where workers may have run the same task at the same time: ok beats error;
 * among oks the lowest round, attempt and writer wins, among errors the highest.
 *
 * @param since - a retry began after that round: errors of before are no outcomes any more
 */
export function winningTasks(shards: readonly Shard[], since: number): Map<number, End> {
  const winners = new Map<number, End>();
  // By the names of their writers, ascending: of what is equal else the first ok stays, and the last error.
  for (const end of endsOfShards(shards)) {
    if (end.fin === false || (end.s === 'error' && (end['r'] as number) <= since)) continue;
    const best = winners.get(end.t);
    if (best === undefined || beats(end, best)) winners.set(end.t, end);
  }
  return winners;
}

function beats(end: End, best: End): boolean {
  if (end.s !== best.s) return end.s === 'ok';
  const order = (end['r'] as number) - (best['r'] as number) || (end['a'] as number) - (best['a'] as number);
  return end.s === 'ok' ? order < 0 : order >= 0;
}

/** Tasks that a batch of the shard had, and that it does not say the outcome of. */
export function openTasks({ lines }: Shard): Set<number> {
  const open = new Set<number>();
  for (const line of lines) {
    if (line.k === 'start') {
      for (const [first, count] of line['p'] as [number, number][]) {
        for (let task = first; task < first + count; task++) open.add(task);
      }
    } else for (const { t, fin } of endsOf(line)) if (fin !== false) open.delete(t);
  }
  return open;
}

/** False: who wrote it vanished. */
export function hasEnded({ lines }: Shard): boolean {
  return lines.some(({ k, e }) => k === 'event' && (e === 'round-ended' || e === 'worker-ended'));
}
