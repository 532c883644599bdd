/** Reads a shard: whole, sealed lines only. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { InfrastructureError } from '../base/errors.js';
import { isSealed } from '../contract/record-line.js';
import { storeError } from './atomic.js';
import type { DamagedRegion } from './damage.js';

const READ_BYTES = 1_048_576;
const NEWLINE = 10;

/** Whole lines of a shard, and where they stand in it. */
export interface ShardChunk {
  readonly lines: Buffer;
  readonly offset: number;
}

export interface ReadOptions {
  /** Where to begin: the beginning of a line. @default 0 */
  readonly from?: number;
  /** Where to end at the latest. @default the end of the file */
  readonly to?: number;
  /**
   * Told of each part that is damaged, instead of the error; true: pass over it.
   * @default only parts in `accepted` are passed over
   */
  readonly onDamage?: (region: DamagedRegion) => boolean;
  readonly accepted?: readonly DamagedRegion[];
}

/**
 * The valid lines of a shard, in chunks of about a megabyte. An unfinished, NUL or wrong tail means "not yet" and is
 * left out; the same with valid lines behind it is damage: throws JOURNAL_DAMAGED, once what stands before was given.
 */
export function* readShard(path: string, options: ReadOptions = {}): Generator<ShardChunk> {
  const { from = 0, to = Infinity, onDamage, accepted = [] } = options;
  const shard = basename(path);
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw storeError('read', path, error);
  }
  try {
    const size = Math.min(to, fstatSync(fd).size);
    let held: Buffer = Buffer.alloc(0);
    let heldAt = from;
    /** Where the broken lines begin that nothing valid has followed yet. */
    let badAt = -1;
    for (let at = from; at < size;) {
      const part = Buffer.allocUnsafe(Math.min(READ_BYTES, size - at));
      const got = readSync(fd, part, 0, part.length, at);
      if (got === 0) break;
      at += got;
      held = held.length === 0 ? part.subarray(0, got) : Buffer.concat([held, part.subarray(0, got)]);
      const end = held.lastIndexOf(NEWLINE) + 1;
      if (end === 0) continue;
      let good = 0;
      for (let line = 0; line < end;) {
        const newline = held.indexOf(NEWLINE, line);
        if (isSealed(held, line, newline)) {
          if (badAt >= 0) {
            const region: DamagedRegion = { shard, from: badAt, to: heldAt + line };
            const known = accepted.some(
              (r) => r.shard === shard && r.from === region.from && r.to >= region.to,
            );
            if (!known && onDamage?.(region) !== true) throw damaged(path, fd, region);
            badAt = -1;
            good = line;
          }
        } else if (badAt < 0) {
          badAt = heldAt + line;
          if (line > good) yield { lines: held.subarray(good, line), offset: heldAt + good };
        }
        line = newline + 1;
      }
      if (badAt < 0) yield { lines: held.subarray(good, end), offset: heldAt + good };
      held = held.subarray(end);
      heldAt += end;
    }
  } finally {
    closeSync(fd);
  }
}

function damaged(path: string, fd: number, { from, to }: DamagedRegion): InfrastructureError {
  return new InfrastructureError(
    'JOURNAL_DAMAGED',
    `${path}:${lineNumber(fd, from)}: expected a record, got ${to - from} bytes that are none (from byte ${from} on), with valid records behind them`,
    {
      hint: 'The disk or a program changed the file: restore it from a backup, or run `dl_jobs resume --skip-damaged`, which passes over the damaged part and runs its tasks again.',
    },
  );
}

/** The number, from 1, of the line that begins at byte `offset`. */
function lineNumber(fd: number, offset: number): number {
  let line = 1;
  const part = Buffer.allocUnsafe(READ_BYTES);
  for (let at = 0; at < offset;) {
    const got = readSync(fd, part, 0, Math.min(part.length, offset - at), at);
    if (got === 0) break;
    for (let i = part.indexOf(NEWLINE); i >= 0 && i < got; i = part.indexOf(NEWLINE, i + 1)) line++;
    at += got;
  }
  return line;
}
