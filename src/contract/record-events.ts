/** Finds the `event` records among journal lines, without looking at the others. */
import type { EventRecord } from './record.js';
import { CRC_FROM } from './record.js';

const EVENT_PREFIX = '"v":1,"k":"event",';
const START_PREFIX = '"v":1,"k":"start",';

/** Offsets of the lines of `text` (whole lines, latin1) that are of the kind that `prefix` begins. */
function* linesOf(text: string, prefix: string): Generator<number> {
  for (let at = text.indexOf(prefix); at >= 0; at = text.indexOf(prefix, at + 1)) {
    const from = at - CRC_FROM;
    // The same text may stand inside a value.
    if (from === 0 || (from > 0 && text.charCodeAt(from - 1) === 10)) yield from;
  }
}

/** Where the events of `text` are: the lines [from, to), without their newline. */
export function* eventLines(text: string): Generator<readonly [from: number, to: number]> {
  for (const from of linesOf(text, EVENT_PREFIX)) yield [from, text.indexOf('\n', from)];
}

export function parseEvent(text: string, from: number, to: number): EventRecord {
  return JSON.parse(Buffer.from(text.slice(from, to), 'latin1').toString('utf8')) as EventRecord;
}

/** Where the starts of batches in `text` are: the lines [from, to), without their newline. */
export function* startLines(text: string): Generator<readonly [from: number, to: number]> {
  for (const from of linesOf(text, START_PREFIX)) yield [from, text.indexOf('\n', from)];
}
