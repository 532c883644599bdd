// A host that does what each argument says: it speaks src/contract/wire.ts, and can do at the right moment what user
// code does only by chance.
//
//   'ok'         answers
//   'again'      answers with an error that is to be tried again
//   'hang'       is never done
//   'obstinate'  is never done, and its process does not end for SIGTERM
//   'late'       answers when it is asked to end, and goes on; makes the file late-listens once it can be asked
//   'silent'     answers, and then the process does nothing any more
//   'die'        ends the process
import { writeFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { crc32 } from 'node:zlib';

let init;
const queue = [];
let working = false;

function record(fields) {
  const line = `{"crc":"00000000",${JSON.stringify(fields).slice(1)}`;
  const crc = crc32(Buffer.from(line.slice(18)))
    .toString(16)
    .padStart(8, '0');
  return `${line.slice(0, 8)}${crc}${line.slice(16)}\n`;
}

function send(header, body = '') {
  writeSync(4, `${JSON.stringify(header)}\n${body}`);
}

function progress(batch, position) {
  if (!init.progress) return;
  const bytes = Buffer.alloc(16);
  const [s, ns] = process.hrtime();
  bytes.writeUInt32LE(batch, 0);
  bytes.writeUInt32LE(position, 4);
  bytes.writeDoubleLE(s * 1e3 + ns / 1e6, 8);
  writeSync(5, bytes, 0, 16, 0);
}

function answer(batch, position, again) {
  const last = position === batch.tasks.length - 1;
  const outcome = again
    ? { s: 'error', ft: 'exception', fin: false, at: Date.now(), d: 1, error: { type: 'E', message: 'no' } }
    : { s: 'ok', at: Date.now(), d: 1, value: process.pid };
  const body = record({
    v: 1,
    k: 'end',
    t: batch.tasks[position],
    r: batch.round,
    a: batch.attempt,
    ...outcome,
  });
  send(
    {
      type: 'out',
      id: batch.id,
      n: 1,
      bytes: Buffer.byteLength(body),
      busy: 1,
      ...(again && { again: [position] }),
      ...(last && { done: true }),
    },
    body,
  );
}

async function work() {
  working = true;
  for (let batch; (batch = queue.shift()) !== undefined;) {
    for (const [position, what] of batch.args.entries()) {
      progress(batch.id, position);
      if (what === 'die') process.exit(7);
      if (what === 'obstinate') process.on('SIGTERM', () => undefined);
      if (what === 'hang' || what === 'obstinate') await new Promise(() => undefined);
      if (what === 'late') {
        const asked = new Promise((resolve) => process.once('SIGTERM', resolve));
        writeFileSync('late-listens', '');
        await asked;
      }
      answer(batch, position, what === 'again' && batch.attempt === 1);
      if (what === 'silent') for (;;);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  working = false;
}

let held = Buffer.alloc(0);
const input = new Socket({ fd: 3, readable: true, writable: false });
input.on('data', (chunk) => {
  held = Buffer.concat([held, chunk]);
  for (;;) {
    const end = held.indexOf(10);
    if (end < 0) return;
    const header = JSON.parse(held.toString('utf8', 0, end));
    const need = end + 1 + (header.bytes ?? 0);
    if (held.length < need) return;
    const body = held.toString('utf8', end + 1, need);
    held = held.subarray(need);
    if (header.type === 'init') {
      init = header;
      send({ type: 'ready', runtime: 'scripted 1' });
      continue;
    }
    const tasks = header.tasks.flatMap(([first, n]) => Array.from({ length: n }, (_, i) => first + i));
    queue.push({
      ...header,
      tasks,
      args: body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    });
    if (!working) void work();
  }
});
input.on('end', () => process.exit(0));
input.on('error', () => process.exit(0));
