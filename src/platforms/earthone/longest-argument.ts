/** Arguments that are too large to be sent are found before anything is. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { JobError } from '../../base/errors.js';
import { formatSize } from '../../base/sizes.js';
import { storeError } from '../../store/atomic.js';

/** What the service takes at most nobody says; what a job returns may have 1 MB. */
const MOST_BYTES = 1_000_000;
const PIECE = 1 << 20;
const NEWLINE = 10;

/** `path` holds a line a task, and is not there where the arguments are a count. Throws EARTHONE_UNSUPPORTED. */
export function refuseLargeArguments(path: string): void {
  if (!existsSync(path)) return;
  const bytes = Buffer.allocUnsafe(PIECE);
  let [task, length] = [0, 0];
  try {
    const fd = openSync(path, 'r');
    try {
      for (let got = readSync(fd, bytes); got > 0; got = readSync(fd, bytes)) {
        const piece = bytes.subarray(0, got);
        for (let from = 0; from < got;) {
          const newline = piece.indexOf(NEWLINE, from);
          const end = newline < 0 ? got : newline;
          length += end - from;
          if (length > MOST_BYTES) throw tooLarge(task);
          if (newline >= 0) [task, length] = [task + 1, 0];
          from = end + 1;
        }
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof JobError) throw error;
    throw storeError('read', path, error);
  }
}

function tooLarge(task: number): JobError {
  return new JobError(
    'EARTHONE_UNSUPPORTED',
    `expected arguments of at most ${formatSize(MOST_BYTES)} each, got more for task ${task}`,
    { hint: 'Nothing was sent. Put large data into storage, and give tasks its name.' },
  );
}
