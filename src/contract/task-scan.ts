/** Reads what journal lines say of tasks: when they were handed out, and how they ended. */
import type { StartRecord } from './record.js';
import { startLines } from './record-events.js';
import { scanEnds, type ScannedEnd } from './record-scan.js';

/** Starts of batches and ends of tasks in `text` (whole lines, latin1), in the order of the lines. */
export function scanTasks(
  text: string,
  onStart: (start: StartRecord) => void,
  onEnd: (end: ScannedEnd) => void,
): void {
  let from = 0;
  for (const [begin, end] of startLines(text)) {
    if (begin > from) scanEnds(text, onEnd, from, begin);
    onStart(JSON.parse(text.slice(begin, end)) as StartRecord);
    from = end + 1;
  }
  if (from < text.length) scanEnds(text, onEnd, from);
}

/** True when the batch holds the task. */
export function hasTask({ p }: StartRecord, task: number): boolean {
  return p.some(([first, count]) => first <= task && task < first + count);
}

/** When the attempt began, epoch milliseconds. `text` is what `end` was read from. */
export function startedAt(text: string, end: ScannedEnd): number {
  // Before the value nothing of the user's stands in the line.
  const head = text.slice(end.lineFrom, Math.min(end.lineFrom + 200, end.valueFrom));
  const at = Number(/"at":(\d+)/.exec(head)?.[1] ?? 0);
  const many = /"k":"ends","t":(\d+)/.exec(head)?.[1];
  // Each task of such a line began when the one before it ended.
  return many === undefined ? at : at + Math.floor((end.task - Number(many)) * end.duration);
}
