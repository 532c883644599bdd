/** One worker of the floor: reads batches of arguments from descriptor 3, answers with lines. */
import { readSync, writeSync } from 'node:fs';
import * as tasks from './tasks.mjs';

const task = tasks[process.argv[2]];
const CHANNEL = 3;
const HEADER = 4;
const input = Buffer.allocUnsafe(1 << 16);

let pending = '';
for (;;) {
  const size = readSync(CHANNEL, input);
  if (size === 0) break;
  const batches = (pending + input.latin1Slice(0, size)).split('\n');
  pending = batches.pop();
  for (const batch of batches) answer(JSON.parse(batch));
}

/** The answer to a batch is one frame: its length (4 bytes), then a line a task. */
function answer(batch) {
  let lines = '';
  for (const argument of batch) lines += JSON.stringify(task(argument)) + '\n';
  const frame = Buffer.allocUnsafe(HEADER + Buffer.byteLength(lines));
  frame.writeUInt32LE(frame.length - HEADER);
  frame.write(lines, HEADER);
  for (let sent = 0; sent < frame.length;) sent += writeSync(CHANNEL, frame, sent);
}
