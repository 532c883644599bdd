/** tinypool with child processes, one task a message, 64 in flight. Usage: node tinypool.mjs KIND N OUT WORKERS */
import Tinypool from 'tinypool';
import { Lines, windowed } from './lines.mjs';

const [kind, count, out, workers] = process.argv.slice(2);
const n = Number(count);
const processes = Math.min(Number(workers), n);
const pool = new Tinypool({
  runtime: 'child_process',
  filename: new URL('../floor/tasks.mjs', import.meta.url).href,
  minThreads: processes,
  maxThreads: processes,
});
const lines = new Lines(out);
const options = { name: kind };
await windowed(
  n,
  64,
  (i) => pool.run(i, options),
  (value) => lines.add(value),
);
lines.close();
await pool.destroy();
