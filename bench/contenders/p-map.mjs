/** p-map in one process, 8 at a time. Usage: node p-map.mjs KIND N OUT */
import pMap from 'p-map';
import * as tasks from '../floor/tasks.mjs';
import { Lines } from './lines.mjs';

const [kind, count, out] = process.argv.slice(2);
const lines = new Lines(out);
const indices = Array.from({ length: Number(count) }, (_, i) => i);
await pMap(indices, async (i) => lines.add(await tasks[kind](i)), { concurrency: 8 });
lines.close();
