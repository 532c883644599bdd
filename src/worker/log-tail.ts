import { closeSync, openSync, readSync } from 'node:fs';
import { fromWholeLine } from '../base/last-lines.js';

/**
 * The last `maxBytes` of `[from, to)` of a file, as text from the first whole line on; '' when it cannot be read.
 */
export function readTail(path: string, from: number, to: number, maxBytes: number): string {
  const start = Math.max(from, to - maxBytes);
  if (to <= start) return '';
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const bytes = Buffer.alloc(to - start);
    const size = readSync(fd, bytes, 0, bytes.length, start);
    const text = bytes.toString('utf8', 0, size);
    return start === from ? text : fromWholeLine(text);
  } finally {
    closeSync(fd);
  }
}
