/** `dl_jobs replay [RUN] --task N`: one recorded task again, here. */
import { UsageError } from '../../base/errors.js';
import { replayTask } from '../../job/replay.js';
import { readRun } from '../../store/run-folder.js';
import type { Io } from '../io.js';
import { printAll } from '../print.js';
import type { ParsedCommand } from '../tokenize.js';
import { namedRun } from './run-word.js';

export async function runCommand(parsed: ParsedCommand, io: Io): Promise<number> {
  const { task, code = 'new', inspect = false } = parsed.options;
  if (task === undefined) {
    throw new UsageError('USAGE', 'expected --task N, got none', {
      hint: 'For instance `dl_jobs replay --task 17`; `dl_jobs errors` names tasks that failed.',
    });
  }
  const paths = await namedRun(parsed, io);
  const { language } = readRun(paths).spec;
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  // Python's debugger has a use of its own for Ctrl-C, which reaches it too.
  const onInterrupt = inspect && language === 'python' ? (): void => undefined : abort;
  const undo = [
    io.onSignal('SIGINT', onInterrupt),
    io.onSignal('SIGTERM', abort),
    io.onSignal('SIGHUP', abort),
  ];
  try {
    const { ok, results, outcome } = await replayTask(paths, task, {
      code: code === 'run' ? 'run' : 'new',
      inspect,
      environment: io.env,
      signal: stop.signal,
      notice: (text) => void io.stderr.write(`${text}\n`),
      warn: (text) => void io.stderr.write(`warning: ${text}\n`),
    });
    if (stop.signal.aborted) return 130;
    await printAll(
      io,
      results.map((line) => `${line}\n`),
    );
    const nothing = ok && results.length === 0 ? ', no result' : '';
    io.stderr.write(`task ${task}: ${outcome}${nothing}\n`);
    return ok ? 0 : 1;
  } finally {
    for (const undoOne of undo) undoOne();
  }
}
