/** `dl_jobs outputs [RUN]`: the results, errors and log files of a run, made anew. */
import { rebuildOutputs, type RebuiltOutput } from '../../outputs/rebuild.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';
import { namedRun } from './run-word.js';

export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const paths = await namedRun(parsed, io);
  const onWait = ({ host }: { readonly host: string }): void => {
    io.stderr.write(`looking for a minute whether the process on ${host} lives that had the run…\n`);
  };
  for (const output of await rebuildOutputs(paths, { onWait })) {
    if (output.path !== null) io.stdout.write(`${output.kind.padEnd(7)}  ${text(output)}\n`);
    if (output.movedTo !== null) io.stderr.write(`another file of that name is now ${output.movedTo}\n`);
  }
  return 0;
}

function text({ path, lines, rebuilt }: RebuiltOutput): string {
  if (!rebuilt) return `${path ?? ''}  left alone: others may write to it`;
  if (lines === null) return 'nothing to write, so there is no file';
  return `${path ?? ''}  ${lines} ${lines === 1 ? 'line' : 'lines'}`;
}
