/** Answers of hosts that come with a digest of their records. */
import type { Digest, TaskBatch } from '../contract/platform.js';
import type { OutMessage } from '../contract/wire.js';
import type { Outstanding } from './outstanding.js';

/** Splits the body of an answer into its records and, where it has one, its digest. */
export function withDigest(message: OutMessage, body: Buffer[], out: Outstanding): [Buffer[], Digest?] {
  const { digest } = message;
  if (digest === undefined) return [body];
  const bytes = body.length === 1 ? (body[0] as Buffer) : Buffer.concat(body);
  const results = message.bytes - digest.results - digest.log;
  const log = message.bytes - digest.log;
  return [
    [bytes.subarray(0, results)],
    {
      tasks: sliceRanges(out.batch.tasks, out.batch.count - out.left, message.n),
      results: bytes.subarray(results, log),
      resultCount: digest.count,
      log: bytes.subarray(log),
      durations: digest.durations,
    },
  ];
}

/** `count` tasks from position `from` on. */
function sliceRanges(ranges: TaskBatch['tasks'], from: number, count: number): [number, number][] {
  const slice: [number, number][] = [];
  let skip = from;
  let left = count;
  for (const [first, size] of ranges) {
    const taken = Math.min(left, size - skip);
    if (taken > 0) {
      slice.push([first + skip, taken]);
      left -= taken;
    }
    skip = Math.max(0, skip - size);
  }
  return slice;
}
