/** Reads values back from a run folder. */
import { scanEnds } from '../contract/record-scan.js';
import { ArgsReader } from '../store/args-store.js';
import { readShard } from '../store/journal-reader.js';
import { shardFiles, type RunPaths } from '../store/run-folder.js';
import { closeSync, openSync, readSync } from 'node:fs';
import { fromLatin1 } from './output-file.js';
import { TaskStates } from './task-states.js';

/** How results are read back. */
export interface ResultsOptions {
  /** In the order of the argument list instead of that of arrival; keeps 16 bytes a task in memory. @default false */
  readonly ordered?: boolean;
  /** Read each task's arguments too. @default false */
  readonly withArgs?: boolean;
}

/** What one ok task gave. */
export interface TaskResultRow<R = unknown> {
  /** 0-based index in the argument list. */
  readonly task: number;
  /** With `withArgs`: the element, or `{args, kwargs}` of a single-task job. */
  readonly args?: unknown;
  /** As JSON holds it. */
  readonly value: R;
}

/** The ok tasks of a run, one row each; values of failed tasks are not among them. */
export async function* readResults<R>(
  paths: RunPaths,
  options: ResultsOptions = {},
): AsyncGenerator<TaskResultRow<R>> {
  const args = options.withArgs === true ? new ArgsReader(paths) : null;
  const row = (task: number, json: string): TaskResultRow<R> => ({
    task,
    ...(args !== null && { args: JSON.parse(args.line(task)) as unknown }),
    value: JSON.parse(fromLatin1(json)) as R,
  });
  try {
    if (options.ordered === true) {
      for (const [task, json] of orderedValues(paths)) yield row(task, json);
      return;
    }
    const seen = new TaskStates();
    for (const shard of shardFiles(paths)) {
      for (const { lines } of readShard(shard)) {
        const text = lines.toString('latin1');
        const found: [number, string][] = [];
        scanEnds(text, (end) => {
          if (end.failure !== null || !seen.settle(end.task, true)) return;
          found.push([end.task, text.slice(end.valueFrom, end.valueTo)]);
        });
        for (const [task, json] of found) yield row(task, json);
      }
    }
  } finally {
    args?.close();
  }
}

/** Where each task's winning value stands is noted in a first pass, and read in task order in a second. */
function* orderedValues(paths: RunPaths): Generator<[number, string]> {
  const shards = shardFiles(paths);
  const places = new Map<number, { shard: number; from: number; length: number }>();
  let last = -1;
  shards.forEach((shard, number) => {
    for (const { lines, offset } of readShard(shard)) {
      const text = lines.toString('latin1');
      scanEnds(text, (end) => {
        if (end.failure !== null || places.has(end.task)) return;
        places.set(end.task, {
          shard: number,
          from: offset + end.valueFrom,
          length: end.valueTo - end.valueFrom,
        });
        if (end.task > last) last = end.task;
      });
    }
  });
  const files = shards.map((shard) => openSync(shard, 'r'));
  try {
    for (let task = 0; task <= last; task++) {
      const place = places.get(task);
      if (place === undefined) continue;
      const bytes = Buffer.allocUnsafe(place.length);
      readSync(files[place.shard] as number, bytes, 0, place.length, place.from);
      yield [task, bytes.toString('latin1')];
    }
  } finally {
    for (const file of files) closeSync(file);
  }
}
