/** A random order of 0 to n-1 that is kept nowhere: each place is computed from a key. */
import { createHash } from 'node:crypto';

const ROUNDS = 6;

/**
 * Maps a place in the order to a number below `n`, each to another. A Feistel network over the next power of four,
 * gone through again while the number is too high.
 */
export function permutation(n: number, key: string): (place: number) => number {
  const halfBits = Math.max(1, Math.ceil(Math.log2(Math.max(2, n)) / 2));
  const mask = 2 ** halfBits - 1;
  const digest = createHash('sha256').update(key).digest();
  const keys = Array.from({ length: ROUNDS }, (_, i) => digest.readUInt32LE(i * 4));
  const through = (value: number): number => {
    let left = Math.floor(value / (mask + 1));
    let right = value & mask;
    for (const roundKey of keys) {
      const next = left ^ (mix(right, roundKey) & mask);
      left = right;
      right = next;
    }
    return left * (mask + 1) + right;
  };
  return (place) => {
    let value = through(place);
    while (value >= n) value = through(value);
    return value;
  };
}

/** 32 bits in which each bit of the input has a say (the finalizer of MurmurHash3, public domain). */
function mix(value: number, key: number): number {
  let h = (value ^ key) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
