/** Brings a run's outputs to where its journal is, and gives the collector that goes on from there. */
import { basename } from 'node:path';
import { scanEnds } from '../contract/record-scan.js';
import type { EventRecord } from '../contract/record.js';
import type { RunFile } from '../contract/spec.js';
import type { ArgsReader } from '../store/args-store.js';
import { acceptedDamage } from '../store/damage.js';
import { readShard } from '../store/journal-reader.js';
import type { RunPaths } from '../store/run-folder.js';
import type { WorkList } from '../store/work-list.js';
import { readCheckpoint, stillFits, type Checkpoint, type OutputKind } from './checkpoint.js';
import type { CollectorFiles, CollectorListener } from './collector-options.js';
import { Collector } from './collector.js';
import type { OutputFile } from './output-file.js';
import { isFixed, openOutput } from './outputs-of-run.js';
import { isWinner, type Survey } from './survey.js';
import { TaskLogs } from './task-logs.js';
import { NONE, OK } from './task-states.js';
import { orderedWinners } from './winning-ends.js';

export interface RestoreOptions {
  readonly paths: RunPaths;
  readonly run: RunFile;
  readonly survey: Survey;
  readonly args: ArgsReader;
  /** Output of the tasks of the round that begins. */
  readonly logs: TaskLogs;
  readonly listener: CollectorListener;
  readonly describe: (event: EventRecord) => readonly string[];
  /** The tasks of the round that begins: what they gave before counts no more until it has ended. */
  readonly work: WorkList | null;
  /** Make all outputs anew, whatever the checkpoint says. */
  readonly anew: boolean;
  /** Results and errors in the order of the tasks; goes with `anew`. @default the order in which they were recorded */
  readonly ordered?: boolean;
}

const KINDS: readonly OutputKind[] = ['results', 'errors', 'log'];

/** Throws STORE_FAILED, JOURNAL_DAMAGED. */
export function restoreCollector(options: RestoreOptions): Collector {
  const { paths, run, survey, work } = options;
  const checkpoint = options.anew ? null : readCheckpoint(paths, survey.shards, survey.lengths);
  const reopened = reopen(survey, work, run);
  const beaten = checkpoint !== null && hasNewContest(paths, survey, checkpoint);
  const goesOn = (kind: OutputKind): boolean => {
    const path = run.outputs[kind];
    if (path === null) return true;
    if (kind === 'log' && run.outputs.fixedLog) return true;
    if (checkpoint === null || beaten) return false;
    if (kind === 'errors' && reopened.any) return false;
    if (kind === 'results' && reopened.withResults) return false;
    return stillFits(path, checkpoint[kind], isFixed(run, kind) ? checkpoint.made : null);
  };
  const has = Object.fromEntries(KINDS.map((kind) => [kind, goesOn(kind)])) as Record<OutputKind, boolean>;
  const open = (kind: OutputKind): OutputFile | null =>
    openOutput(paths, run, kind, { ours: has[kind] ? (checkpoint?.[kind] ?? null) : null, anew: !has[kind] });
  const files: CollectorFiles = { results: open('results'), errors: open('errors'), log: open('log') };
  const collector = new Collector({
    spec: run.spec,
    files,
    args: options.args,
    logs: options.logs,
    listener: options.listener,
    describe: options.describe,
    states: survey.states,
  });
  try {
    replay(options, collector, checkpoint, has);
    for (const file of Object.values(files) as (OutputFile | null)[]) file?.commit();
  } catch (error) {
    collector.abandon();
    throw error;
  }
  collector.live();
  collector.reopened = reopened.any;
  return collector;
}

/** Forgets the outcomes of tasks that run again. */
function reopen(survey: Survey, work: WorkList | null, run: RunFile): { any: boolean; withResults: boolean } {
  let any = false;
  let withResults = false;
  if (work === null) return { any, withResults };
  for (let task = work.next(0); task >= 0; task = work.next(task + 1)) {
    const state = survey.states.get(task);
    if (state === NONE) continue;
    any = true;
    // A list of which some elements were errors has lines among the results.
    if (state === OK || !run.spec.groupedResults) withResults = true;
    survey.states.set(task, NONE);
  }
  return { any, withResults };
}

/** True when a task with several outcomes got one of them since the checkpoint: what was published may have lost. */
function hasNewContest(paths: RunPaths, survey: Survey, checkpoint: Checkpoint): boolean {
  if (survey.winners.size === 0) return false;
  const accepted = acceptedDamage(paths);
  let found = false;
  survey.shards.forEach((path, i) => {
    const from = checkpoint.shards[basename(path)] ?? 0;
    for (const { lines } of readShard(path, {
      from,
      to: survey.lengths[i] as number,
      accepted,
      onDamage: () => true,
    })) {
      scanEnds(lines.toString('latin1'), ({ task, final }) => {
        if (final && survey.winners.has(task)) found = true;
      });
    }
  });
  return found;
}

/** Feeds the collector with what counts; lines that a file has are not written to it again. */
function replay(
  { paths, survey, ordered }: RestoreOptions,
  collector: Collector,
  checkpoint: Checkpoint | null,
  has: Readonly<Record<OutputKind, boolean>>,
): void {
  const accepted = acceptedDamage(paths);
  const counts = (shard: number): Parameters<Collector['read']>[1] => {
    return (end) => survey.states.get(end.task) !== NONE && isWinner(survey, end, shard);
  };
  for (const { path, shard } of inOrder(survey)) {
    const logs = new TaskLogs(paths.logs, basename(path, '.ndjson'));
    const collected = Math.min(checkpoint?.shards[basename(path)] ?? 0, survey.lengths[shard] as number);
    try {
      for (const isOld of [true, false]) {
        const [from, to] = isOld ? [0, collected] : [collected, survey.lengths[shard] as number];
        if (from >= to) continue;
        // What stands before the checkpoint is in the files that are gone on with.
        const inFile = (kind: OutputKind): boolean => has[kind] && (isOld || checkpoint === null);
        const later = ordered === true;
        collector.replaying(logs, {
          results: later || inFile('results'),
          errors: later || inFile('errors'),
          log: inFile('log'),
        });
        for (const { lines } of readShard(path, { from, to, accepted, onDamage: () => true })) {
          collector.read(lines, counts(shard));
        }
      }
    } finally {
      logs.close();
    }
  }
  if (ordered === true) replayOrdered(paths, survey, collector);
}

/** The log file tells what happened one after the other: shards by their rounds. */
function inOrder(survey: Survey): { path: string; shard: number; round: number }[] {
  const rounds = new Map(
    survey.events.filter(({ e }) => e === 'round-started').map(({ w, r }) => [String(w), r] as const),
  );
  return survey.shards
    .map((path, shard) => ({ path, shard, round: rounds.get(basename(path, '.ndjson')) ?? 0 }))
    .sort((a, b) => a.round - b.round || a.shard - b.shard);
}

/** Results and errors once more, by task; what was counted before is not counted again. */
function replayOrdered(paths: RunPaths, survey: Survey, collector: Collector): void {
  const logs = survey.shards.map((path) => new TaskLogs(paths.logs, basename(path, '.ndjson')));
  try {
    for (const { end, text, bytes, shard } of orderedWinners(paths, survey)) {
      if (survey.states.get(end.task) === NONE) continue;
      collector.replaying(logs[shard] as TaskLogs, { results: false, errors: false, log: true });
      collector.rewrite(text, end, bytes);
    }
  } finally {
    for (const log of logs) log.close();
  }
}
