import type { TaskBatch, TaskSource } from '../contract/platform.js';
import { ArgsWriter } from '../store/args-store.js';
import type { RunPaths } from '../store/run-folder.js';

/** The one task of a single-task job; `line` is `{"args":[...],"kwargs":{...}}`. */
export function singleSource(
  line: string,
  paths: RunPaths,
  onSealed: (count: number) => void,
): TaskSource & { close(): void } {
  const writer = new ArgsWriter(paths);
  const args = Buffer.from(`${line}\n`, 'utf8');
  writer.append(args, 1);
  writer.seal();
  onSealed(1);
  let batch: TaskBatch | null = { tasks: [[0, 1]], count: 1, args };
  return {
    take: () => {
      const taken = batch;
      batch = null;
      return taken;
    },
    remaining: () => (batch === null ? 0 : 1),
    close: () => undefined,
  };
}
