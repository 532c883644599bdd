/** `dl_jobs guest REQUESTS ANSWERS`: what `job.run()` of a Python program starts. */
import { Socket } from 'node:net';
import { InfrastructureError, UsageError } from '../../base/errors.js';
import { serveProgram } from '../../job/for-python.js';
import { PythonLines } from '../../job/python-lines.js';
import type { RunSummary } from '../../outputs/summary.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';
import { withReporting, type Reporting } from './reporting.js';

/** Descriptors that the program hands over. */
const FIRST = 3;

export async function runCommand({ words }: ParsedCommand, io: Io): Promise<number> {
  const [requests, answers] = words.map(Number);
  if (words.length !== 2 || !isDescriptor(requests) || !isDescriptor(answers)) {
    throw new UsageError('USAGE', 'expected two descriptors of pipes', {
      hint: 'Python programs start this by themselves: `job.run()`.',
    });
  }
  // What comes from the program are its answers to our questions.
  const toProgram = new Socket({ fd: answers, readable: false, writable: true });
  const lines = new PythonLines({
    requests: toProgram,
    answers: new Socket({ fd: requests, readable: true, writable: false }),
    death: () =>
      Promise.resolve(
        new InfrastructureError('WORKERS_FAILED', 'the Python program that started this run has ended', {
          hint: 'Start it again, or finish what was recorded with `dl_jobs resume --seal`.',
        }),
      ),
  });
  const work = async (reporting: Reporting): Promise<RunSummary[]> =>
    await serveProgram(lines, toProgram, {
      ...reporting,
      cwd: io.cwd,
      // As when a terminal is closed: what runs here ends, what runs elsewhere goes on.
      leaveSignal: AbortSignal.any([reporting.leaveSignal, lines.gone]),
    });
  return await withReporting(io, work, { isProgram: true });
}

function isDescriptor(fd: number | undefined): fd is number {
  return fd !== undefined && Number.isInteger(fd) && fd >= FIRST;
}
