/** Reads a shard: whole, sealed lines only. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { InfrastructureError } from '../base/errors.js';
import { isSealed } from '../contract/record-line.js';
import { storeError } from './atomic.js';

const READ_BYTES = 1_048_576;

/** Whole lines of a shard, and where they stand in it. */
export interface ShardChunk {
  readonly lines: Buffer;
  readonly offset: number;
}

/**
 * The valid lines of a shard from `offset` on, in chunks of about a megabyte. An unfinished, NUL or wrong tail means
 * "not yet" and is left out; the same with valid lines behind it is damage: throws JOURNAL_DAMAGED.
 */
export function* readShard(path: string, offset = 0): Generator<ShardChunk> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw storeError('read', path, error);
  }
  try {
    const { size } = fstatSync(fd);
    let held = Buffer.alloc(0);
    let heldAt = offset;
    let at = offset;
    let damagedAt = -1;
    while (at < size) {
      const part = Buffer.allocUnsafe(Math.min(READ_BYTES, size - at));
      const got = readSync(fd, part, 0, part.length, at);
      if (got === 0) break;
      at += got;
      held = held.length === 0 ? part.subarray(0, got) : Buffer.concat([held, part.subarray(0, got)]);
      const end = held.lastIndexOf(10) + 1;
      if (end === 0) continue;
      const good = sealedPrefix(held, end, (from) => {
        damagedAt = damagedAt < 0 ? heldAt + from : damagedAt;
      });
      if (damagedAt < 0) yield { lines: held.subarray(0, good), offset: heldAt };
      else if (good > 0) throw damaged(path, damagedAt);
      held = held.subarray(end);
      heldAt += end;
    }
  } finally {
    closeSync(fd);
  }
}

/**
 * Length of the run of valid lines at the start of `bytes[0, end)`. When a bad line is met, `onBad` is told, and the
 * answer is 0 unless a valid line follows it.
 */
function sealedPrefix(bytes: Buffer, end: number, onBad: (from: number) => void): number {
  let good = 0;
  let bad = -1;
  for (let from = 0; from < end;) {
    const newline = bytes.indexOf(10, from);
    if (isSealed(bytes, from, newline)) {
      if (bad >= 0) {
        onBad(bad);
        return newline + 1;
      }
      good = newline + 1;
    } else if (bad < 0) {
      bad = from;
    }
    from = newline + 1;
  }
  return good;
}

function damaged(path: string, offset: number): InfrastructureError {
  return new InfrastructureError(
    'JOURNAL_DAMAGED',
    `${path} is damaged at byte ${offset}: valid records follow a broken one`,
    {
      hint: `The disk or a program changed ${basename(path)}; restore it from a backup.`,
    },
  );
}
