/**
 * The floor: the least that a runner of tasks in child processes has to do, and nothing else. A parent sends
 * batches to Node workers over socket pairs and passes the bytes of their answers to the results file. No
 * journal, no errors, no retries, no user code to find.
 *
 * Usage: node floor.mjs KIND N OUT WORKERS
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync, writevSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [kind, count, out, workers] = process.argv.slice(2);
const n = Number(count);

/** Tasks a batch, by hand: 2 to 5 ms of work, at most 256 tasks or about 64 kB. */
const BATCH = { noop: 256, big: 6, cpu: 4 }[kind];
const OUTSTANDING = 2;
const FLUSH_BYTES = 1 << 16;
const HEADER = 4;

const file = openSync(out, 'w');
let next = 0;
let chunks = [];
let bytes = 0;

for (let w = 0; w < Number(workers); w++) startWorker();
process.on('exit', () => {
  flush();
  closeSync(file);
});

function startWorker() {
  const script = fileURLToPath(new URL('worker.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, kind], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  child.on('exit', (code) => {
    if (code !== 0) process.exitCode = 1;
  });
  const channel = child.stdio[3];
  let outstanding = 0;
  const feed = () => {
    while (outstanding < OUTSTANDING && next < n) {
      const batch = [];
      for (const end = Math.min(n, next + BATCH); next < end; next++) batch.push(next);
      channel.write(JSON.stringify(batch) + '\n');
      outstanding++;
    }
    if (outstanding === 0) channel.end();
  };

  let left = 0;
  // An answer is kept whole: another worker's must not come between its pieces.
  let pieces = [];
  let header = Buffer.alloc(0);
  channel.on('data', (data) => {
    let at = 0;
    let answered = false;
    while (at < data.length) {
      if (left === 0) {
        const part = data.subarray(at, at + HEADER - header.length);
        at += part.length;
        header = Buffer.concat([header, part]);
        if (header.length < HEADER) break;
        left = header.readUInt32LE();
        header = Buffer.alloc(0);
      }
      const body = data.subarray(at, at + left);
      at += body.length;
      left -= body.length;
      pieces.push(body);
      if (left === 0) {
        for (const piece of pieces) keep(piece);
        if (bytes >= FLUSH_BYTES) flush();
        pieces = [];
        outstanding--;
        answered = true;
      }
    }
    if (answered) feed();
  });
  feed();
}

function keep(body) {
  chunks.push(body);
  bytes += body.length;
}

function flush() {
  if (chunks.length === 0) return;
  let written = writevSync(file, chunks);
  // A short write is rare on a regular file; what is left then goes out in one piece.
  if (written < bytes) {
    const rest = Buffer.concat(chunks);
    while (written < bytes) written += writeSync(file, rest, written);
  }
  chunks = [];
  bytes = 0;
}
