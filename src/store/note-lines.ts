/** A small file of JSON lines that somebody appends to, each line of which is on disk before the next thing is done. */
import { closeSync, fdatasyncSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { storeError, writeAll } from './atomic.js';

const NEWLINE = 10;

/** Throws STORE_FAILED; a part of the line may then be there, which readers pass over. */
export function appendNote(path: string, note: object): void {
  try {
    const fd = openSync(path, 'a+');
    try {
      // A line that a full disk cut off would take this one with it.
      const start = endsWithLine(fd) ? '' : '\n';
      writeAll(fd, Buffer.from(`${start}${JSON.stringify(note)}\n`));
      fdatasyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw storeError('write', path, error);
  }
}

function endsWithLine(fd: number): boolean {
  const { size } = fstatSync(fd);
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] === NEWLINE;
}

/** The notes, in order; none where there is no file. What was cut off is left out: what it noted had not happened yet. */
export function* readNotes(path: string): Generator<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw storeError('read', path, error);
  }
  for (let from = 0; from < text.length;) {
    const end = text.indexOf('\n', from);
    const line = text.slice(from, end < 0 ? text.length : end);
    from = end < 0 ? text.length : end + 1;
    if (!line.endsWith('}')) continue;
    try {
      yield JSON.parse(line) as Record<string, unknown>;
    } catch {
      // Cut off.
    }
  }
}
