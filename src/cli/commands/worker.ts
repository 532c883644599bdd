/** `dl_jobs worker --run DIR --round N`: what a platform starts on its machines. */
import { resolve } from 'node:path';
import { UsageError } from '../../base/errors.js';
import { answerCheckup } from '../../pilot/answer-checkup.js';
import { runPilot } from '../../pilot/pilot.js';
import { loadPlatform } from '../../platforms/registry.js';
import { readRounds } from '../../store/rounds.js';
import { runPaths } from '../../store/run-folder.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';

/** Works for a round until nothing is left for it. @returns the exit code: 0, also when its time was up. */
export async function runCommand({ options }: ParsedCommand, io: Io): Promise<number> {
  const { run, round, checkup } = options;
  if (checkup !== undefined) {
    await answerCheckup(resolve(io.cwd, checkup));
    return 0;
  }
  if (run === undefined || round === undefined) {
    throw new UsageError('USAGE', 'expected --run DIR and --round N', {
      hint: 'Platforms start workers by themselves: `dl_jobs run --platform slurm …`.',
    });
  }
  const dir = resolve(io.cwd, run);
  const name = readRounds(runPaths(dir)).find((one) => one.round === round)?.platform ?? 'local';
  const platform = await loadPlatform(name);
  const allocation = platform.allocation?.(io.env) ?? {
    job: null,
    restarts: 0,
    secondsLeft: () => null,
    again: () => Promise.resolve(false),
  };
  const undo: (() => void)[] = [];
  try {
    const end = await runPilot({
      dir,
      round,
      allocation,
      environment: io.env,
      onSignal: (told) => {
        for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
          undo.push(io.onSignal(signal, () => told('now')));
        undo.push(io.onSignal('SIGUSR2', () => told('soon')));
      },
      warn: (text) => io.stderr.write(`${text}\n`),
    });
    io.stderr.write(`worker ended: ${end}\n`);
    return 0;
  } finally {
    for (const undoOne of undo) undoOne();
  }
}
