/** The arguments of a run that is continued: what is on disk, and what is still to be produced. */
import { existsSync } from 'node:fs';
import type { ResolvedSettings } from '../config/load.js';
import type { RunFile } from '../contract/spec.js';
import { ArgsWriter, readSealed } from '../store/args-store.js';
import type { RunPaths } from '../store/run-folder.js';
import type { WorkList } from '../store/work-list.js';
import { argumentList, type ArgumentList } from './argument-list.js';
import { ChainedSource } from './chained-source.js';
import { skipRecorded, unfinished } from './continued-list.js';
import { DrainedSource, sealedSource } from './first-source.js';
import { recallJob } from './recall.js';
import type { PreparedRound } from './round.js';
import { StoredSource } from './stored-source.js';
import { ListSource } from './task-source.js';

export interface RecordedArguments {
  /** How many there are on disk. */
  readonly count: number;
  /** What is still to be produced, and who writes it; null: nothing. */
  readonly list: { readonly source: (onSealed: (count: number) => void) => ListSource } | null;
  /** Lets go of what was not used. */
  close(): void;
}

interface ArgumentOptions {
  readonly base: ResolvedSettings;
  /** Null: the run is to be finished. */
  readonly retry: object | null;
  readonly seal: boolean;
}

const nothingOpen = (): void => undefined;

export async function recordedArguments(
  paths: RunPaths,
  run: RunFile,
  options: ArgumentOptions,
): Promise<RecordedArguments> {
  const sealed = readSealed(paths);
  if (sealed !== null) return { count: sealed.count, list: null, close: nothingOpen };
  const writer = ArgsWriter.reopen(paths);
  const { count } = writer;
  // Only what ran already is run again: where the list goes on does not matter.
  if (options.retry !== null || options.seal) {
    if (options.seal && options.retry === null) writer.seal();
    else writer.close();
    return { count, list: null, close: nothingOpen };
  }
  try {
    const list = await skipRecorded(await listAgain(paths, run, count, options), paths, writer);
    const limit = run.spec.limit;
    return {
      count,
      list: { source: (onSealed) => new ListSource(list, paths, writer, limit, onSealed) },
      close: () => writer.close(),
    };
  } catch (error) {
    writer.close();
    throw error;
  }
}

async function listAgain(
  paths: RunPaths,
  run: RunFile,
  count: number,
  { base }: ArgumentOptions,
): Promise<ArgumentList> {
  if (run.argsFile !== null) {
    if (!existsSync(run.argsFile)) throw unfinished(run, count, `${run.argsFile} is not there any more`);
    return argumentList(run.argsFile, run.cwd);
  }
  const job = await recallJob(paths, run, base);
  if (job === null) throw unfinished(run, count, 'no job function made it, but a script or standard input');
  if (job.argsList === undefined) throw unfinished(run, count, 'the job function gives none');
  return argumentList(job.argsList, run.cwd);
}

export function sourceOf(
  paths: RunPaths,
  { count, list }: RecordedArguments,
  work: WorkList,
  { shuffle, charged }: { readonly shuffle: string | null; readonly charged: ReadonlyMap<number, number> },
): PreparedRound['source'] {
  const stored = (of: number): StoredSource =>
    new StoredSource(paths, { count: of, work: work.closedAt(of), shuffle, charged });
  if (list === null) {
    const sealed = readSealed(paths);
    // A retry leaves an unfinished list as it is: then the number of tasks is not known.
    return sealed === null ? () => stored(count) : sealedSource(sealed.count, stored);
  }
  return (onSealed) => {
    let total = count;
    const rest = list.source((sealed) => {
      total = sealed;
      onSealed(sealed);
    });
    if (shuffle !== null) return new DrainedSource(rest, () => stored(total));
    return new ChainedSource(stored(count), rest);
  };
}
