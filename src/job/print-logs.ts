/** What the tasks of a run wrote, task by task. */
import { basename, join } from 'node:path';
import { scanEnds } from '../contract/record-scan.js';
import { readShard } from '../store/journal-reader.js';
import { runPaths, shardFiles, type RunPaths } from '../store/run-folder.js';
import { textLines } from '../outputs/text-lines.js';
import { toLatin1 } from '../outputs/output-file.js';
import type { RunSummary } from '../outputs/summary.js';
import { TaskLogs } from '../outputs/task-logs.js';
import { consoleReporter } from './console-reporter.js';
import type { Reporter } from './reporter.js';

export interface TaskLog {
  readonly task: number;
  /** Latin1 text, without newlines. */
  readonly lines: Iterable<string>;
}

/** The tasks that wrote output, in the order they ended; with `writers` only those of these. */
export function* eachTaskLog(
  paths: RunPaths,
  filter: { isShown(line: string): boolean },
  writers?: ReadonlySet<string>,
): Generator<TaskLog> {
  for (const shard of shardFiles(paths)) {
    if (writers?.has(basename(shard, '.ndjson')) === false) continue;
    const logs = new TaskLogs(paths.logs, basename(shard, '.ndjson'));
    try {
      for (const { lines } of readShard(shard)) {
        const found: [number, readonly [number, number, number]][] = [];
        scanEnds(lines.toString('latin1'), (end) => {
          if (end.log !== null) found.push([end.task, end.log]);
        });
        for (const [task, [host, from, to]] of found) {
          yield { task, lines: textLines(logs.read(host, from, to), (line) => filter.isShown(line)) };
        }
      }
    } finally {
      logs.close();
    }
  }
}

/** `logs[N]` and the output of each task. */
export function printRunLogs(summary: RunSummary, options: { readonly reporter?: Reporter }): void {
  const reporter = options.reporter ?? consoleReporter();
  const hidden = summary.spec.suppress.map(toLatin1);
  const filter = { isShown: (line: string) => !hidden.some((text) => line.includes(text)) };
  for (const { task, lines } of eachTaskLog(runPaths(join(summary.paths.run)), filter))
    reporter.taskLog?.(task, lines);
}
