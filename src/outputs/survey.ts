/**
 * What the journal of a run says on the whole: which tasks have an outcome, and which record of each wins.
 *
 * Most tasks have one final record, and for them two bits are all that is kept. Those with several (retried, or run
 * twice because a worker was given up that lived) are looked at in a second pass.
 */
import { basename } from 'node:path';
import type { EventRecord } from '../contract/record.js';
import { eventLines, parseEvent } from '../contract/record-events.js';
import { scanEnds, type ScannedEnd } from '../contract/record-scan.js';
import { acceptedDamage, type DamagedRegion } from '../store/damage.js';
import { readShard } from '../store/journal-reader.js';
import { readRounds, type RoundFile } from '../store/rounds.js';
import { shardFiles, type RunPaths } from '../store/run-folder.js';
import { endsInOrder, unansweredIn } from '../store/unanswered.js';
import { ERROR, NONE, OK, TaskStates } from './task-states.js';

/** What decides between records of one task. */
export interface Key {
  readonly ok: boolean;
  readonly again: number;
  readonly round: number;
  readonly attempt: number;
  readonly shard: number;
}

export interface Survey {
  readonly rounds: readonly RoundFile[];
  /** Paths, in the order of the names. */
  readonly shards: readonly string[];
  /** How much of each shard, in the same order, was read: whole valid lines. */
  readonly lengths: readonly number[];
  readonly states: TaskStates;
  /** Tasks with a final outcome. */
  readonly settled: number;
  /** One more than the highest task index met. */
  readonly span: number;
  /** Of tasks with several final records: the one that wins. */
  readonly winners: ReadonlyMap<number, Key>;
  /** In the order they stand in the shards. */
  readonly events: readonly EventRecord[];
  /** Tasks that the last round gave a final outcome. */
  readonly lastRound: TaskStates;
  /** Of tasks without a final outcome since the last round that was no resume: attempts that were charged since. */
  readonly charged: ReadonlyMap<number, number>;
  /** Of tasks without a final outcome: how often their worker vanished while it had nothing else. */
  readonly vanished: ReadonlyMap<number, number>;
}

export interface SurveyOptions {
  /** Told of damage that nobody accepted yet; true: pass over it. @default JOURNAL_DAMAGED is thrown */
  readonly onDamage?: (region: DamagedRegion) => boolean;
  /** Keep what only the next round needs: `lastRound`, `charged` and `vanished`. @default false */
  readonly forNextRound?: boolean;
}

/** Throws JOURNAL_DAMAGED, STORE_FAILED. */
export function surveyRun(paths: RunPaths, options: SurveyOptions = {}): Survey {
  const rounds = readRounds(paths);
  const again = new Map(rounds.map((round) => [round.round, round.again]));
  const shards = shardFiles(paths);
  const accepted = acceptedDamage(paths);
  const states = new TaskStates();
  const events: EventRecord[] = [];
  const charged = new Map<number, number>();
  const several = new Set<number>();
  const last = rounds.at(-1)?.round ?? 0;
  const lastRound = new TaskStates();
  // A resume goes on with the tries that there are left of the round it continues.
  const settledSince = new TaskStates();
  const budgetFrom = rounds.findLast(({ kind }) => kind !== 'resume')?.round ?? 0;
  let settled = 0;
  let span = 0;
  const onDamage = options.onDamage === undefined ? {} : { onDamage: options.onDamage };
  const lengths = shards.map((shard) => {
    let length = 0;
    for (const { lines, offset } of readShard(shard, { accepted, ...onDamage })) {
      length = offset + lines.length;
      const text = lines.toString('latin1');
      for (const [from, to] of eventLines(text)) events.push(parseEvent(text, from, to));
      scanEnds(text, ({ task, final, failure, round, attempt }) => {
        if (task >= span) span = task + 1;
        if (!final) {
          if (options.forNextRound === true && round >= budgetFrom) {
            charged.set(task, Math.max(attempt, charged.get(task) ?? 0));
          }
          return;
        }
        if (options.forNextRound === true && last > 1) {
          if (round === last) lastRound.set(task, OK);
          if (round >= budgetFrom) settledSince.set(task, OK);
        }
        const state = states.get(task);
        if (state === NONE) settled++;
        else several.add(task);
        if (state !== OK) states.set(task, failure === null ? OK : ERROR);
      });
    }
    return length;
  });
  const winners =
    several.size === 0 ? new Map<number, Key>() : findWinners(shards, accepted, several, again, onDamage);
  for (const task of charged.keys()) if (settledSince.get(task) !== NONE) charged.delete(task);
  const vanished =
    options.forNextRound === true
      ? vanishings({ shards, accepted, states, events, onDamage })
      : new Map<number, number>();
  return { rounds, shards, lengths, states, settled, span, winners, events, lastRound, charged, vanished };
}

type Damage = { readonly onDamage?: (region: DamagedRegion) => boolean };

function findWinners(
  shards: readonly string[],
  accepted: readonly DamagedRegion[],
  several: ReadonlySet<number>,
  again: ReadonlyMap<number, number>,
  onDamage: Damage,
): Map<number, Key> {
  const winners = new Map<number, Key>();
  shards.forEach((path, shard) => {
    for (const { lines } of readShard(path, { accepted, ...onDamage })) {
      scanEnds(lines.toString('latin1'), (end) => {
        if (!end.final || !several.has(end.task)) return;
        const key = keyOf(end, shard, again);
        const best = winners.get(end.task);
        if (best === undefined || beats(key, best)) winners.set(end.task, key);
      });
    }
  });
  return winners;
}

function keyOf(end: ScannedEnd, shard: number, again: ReadonlyMap<number, number>): Key {
  const { failure, round, attempt } = end;
  return { ok: failure === null, again: again.get(round) ?? 0, round, attempt, shard };
}

/** True when the record of `a` wins over that of `b`. Ok beats error; of oks the lowest round, attempt and writer (but those run anew beat older ones), of errors the highest. */
export function beats(a: Key, b: Key): boolean {
  if (a.ok !== b.ok) return a.ok;
  if (a.ok && a.again !== b.again) return a.again > b.again;
  const order = a.round - b.round || a.attempt - b.attempt || a.shard - b.shard;
  return a.ok ? order < 0 : order > 0;
}

/** True when the record, of shard number `shard`, is the one that counts for its task. */
export function isWinner({ winners }: Pick<Survey, 'winners'>, end: ScannedEnd, shard: number): boolean {
  if (!end.final) return false;
  if (winners.size === 0) return true;
  const key = winners.get(end.task);
  if (key === undefined) return true;
  return (
    key.round === end.round &&
    key.attempt === end.attempt &&
    key.shard === shard &&
    key.ok === (end.failure === null)
  );
}

/** A worker that vanished has written no `round-ended`. What it was doing then stands in its last starts. */
function vanishings(journal: {
  readonly shards: readonly string[];
  readonly accepted: readonly DamagedRegion[];
  readonly states: TaskStates;
  readonly events: readonly EventRecord[];
  readonly onDamage: Damage;
}): Map<number, number> {
  const { shards, accepted, states, events, onDamage } = journal;
  const ended = new Set(events.filter(endsInOrder).map(({ w }) => String(w)));
  const counts = new Map<number, number>();
  for (const shard of shards) {
    if (ended.has(basename(shard, '.ndjson'))) continue;
    const open = unansweredIn(readShard(shard, { accepted, ...onDamage }));
    const [only] = open;
    if (open.size === 1 && only !== undefined && states.get(only) === NONE)
      counts.set(only, (counts.get(only) ?? 0) + 1);
  }
  return counts;
}
