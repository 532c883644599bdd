/** How a script's runs are shown: results and task output on stdout, all else on stderr. */
import type { Reporter } from './reporter.js';
import { describeError, summaryText } from './summary-text.js';

/** Writes to the console of the process; made when a run starts, not when the package is imported. */
export function consoleReporter(): Reporter {
  let noisy = true;
  let firstError: string | null = null;
  const out = (text: string): void => {
    process.stdout.write(text, 'latin1');
  };
  return {
    notice: (text) => void process.stderr.write(`${text}\n`),
    warn: (text) => void process.stderr.write(`warning: ${text}\n`),
    started: (view) => {
      noisy = view.spec.noisy;
      firstError = null;
    },
    result: (line) => {
      if (noisy) out(`${line}\n`);
    },
    error: (line, task) => {
      firstError ??= describeError(line, task);
    },
    finished: (summary) => {
      if (noisy) process.stderr.write(`${summaryText(summary, firstError)}\n`);
    },
    taskLog: (task, lines) => {
      out(`logs[${task}]\n`);
      for (const line of lines) out(`${line}\n`);
    },
  };
}
