/**
 * piscina. Usage: node piscina.mjs KIND N OUT WORKERS [CHUNK]
 * With CHUNK, that many tasks are packed into a message by hand; otherwise one task a message, 64 in flight.
 */
import Piscina from 'piscina';
import { Lines, windowed } from './lines.mjs';

const [kind, count, out, workers, chunk] = process.argv.slice(2);
const n = Number(count);
const concurrency = kind === 'sleep' ? 8 : 1;
const threads = kind === 'sleep' ? 1 : Math.min(Number(workers), n);
const pool = new Piscina({
  filename: new URL(chunk ? './chunk-worker.mjs' : '../floor/tasks.mjs', import.meta.url).href,
  minThreads: threads,
  maxThreads: threads,
  concurrentTasksPerWorker: concurrency,
});
const lines = new Lines(out);
if (chunk) {
  const size = Number(chunk);
  const call = (c) => pool.run({ kind, from: c * size, to: Math.min(n, (c + 1) * size) });
  await windowed(Math.ceil(n / size), 2 * threads, call, (values) => values.forEach((v) => lines.add(v)));
} else {
  const options = { name: kind };
  await windowed(
    n,
    kind === 'sleep' ? 8 : 64,
    (i) => pool.run(i, options),
    (value) => lines.add(value),
  );
}
lines.close();
await pool.destroy();
