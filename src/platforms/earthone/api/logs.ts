/** The log of a job, line by line as it comes. */
import type { LogLine } from './types.js';
import { readLogLine } from './wire.js';

const NEWLINE = 10;

/** @throws what `body` throws; an unfinished last line is given then by nobody, for it comes anew. */
export async function* logLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<LogLine, void, undefined> {
  // Joined once, when the line ends, so that a long line costs linear time.
  let pieces: Buffer[] = [];
  const lineOf = (last: Buffer): string => {
    const text = (pieces.length === 0 ? last : Buffer.concat([...pieces, last])).toString('utf8');
    pieces = [];
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  };
  for await (const part of body) {
    const chunk = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); to !== -1; to = chunk.indexOf(NEWLINE, from)) {
      const line = lineOf(chunk.subarray(from, to));
      from = to + 1;
      if (line.trim() !== '') yield readLogLine(line);
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
  }
  const rest = lineOf(Buffer.alloc(0));
  if (rest.trim() !== '') yield readLogLine(rest);
}
