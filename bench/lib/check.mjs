import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { ROWS } from '../floor/tasks.mjs';

const NEWLINE = 10;

/**
 * Throws unless the file holds exactly one line for each of tasks 0 … n-1, in any order, with the right value.
 *
 * @param {string} path an NDJSON file
 * @param {string} kind of work: `big` has 10 kB values, all others answer with the task's number
 * @param {number} n lines expected
 */
export function checkResults(path, kind, n) {
  const data = readFileSync(path);
  const shown = relative(process.cwd(), path);
  const before = Buffer.from(kind === 'big' ? '{"i":' : '');
  const after = Buffer.from(kind === 'big' ? `,"rows":${JSON.stringify(ROWS)}}` : '');
  const seen = new Uint8Array(n);
  let lines = 0;
  let at = 0;
  while (at < data.length) {
    const end = data.indexOf(NEWLINE, at);
    if (end < 0) throw new Error(`the last line of ${shown} has no end`);
    const from = at + before.length;
    const to = end - after.length;
    const task = integer(data, from, to);
    const framed =
      data.compare(before, 0, before.length, at, from) === 0 &&
      data.compare(after, 0, after.length, to, end) === 0;
    if (task < 0 || task >= n || !framed) {
      const text = data.toString('utf8', at, Math.min(end, at + 80));
      throw new Error(`line ${lines + 1} of ${shown} is not the value of a task: ${text}`);
    }
    if (seen[task] === 1) throw new Error(`task ${task} stands twice in ${shown}`);
    seen[task] = 1;
    lines++;
    at = end + 1;
  }
  if (lines !== n) throw new Error(`expected ${n} lines in ${shown}, got ${lines}`);
}

/** The number that these bytes spell, or -1. */
function integer(data, from, to) {
  if (to <= from || to - from > 12) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = data[i] - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
