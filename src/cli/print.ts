import type { Io } from './io.js';

/** Prints bytes, given as latin1 text, no faster than they are taken. False: the reader has gone. */
export async function print(io: Io, latin1: string): Promise<boolean> {
  if (io.stdout.closed) return false;
  if (!io.stdout.write(Buffer.from(latin1, 'latin1'))) await io.stdout.flush();
  return !io.stdout.closed;
}

/** The same with all pieces, until the reader has gone. */
export async function printAll(io: Io, pieces: Iterable<string>): Promise<void> {
  for (const piece of pieces) if (!(await print(io, piece))) return;
}
