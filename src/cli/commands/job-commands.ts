// The commands that run jobs share nearly all their code: one lazily loaded module keeps it in few files to load.
export { runCommand as run } from './run.js';
export { runCommand as map } from './map.js';
export { runCommand as test } from './test.js';
export { runCommand as list } from './list.js';
export { runCommand as logs } from './logs.js';
export { runCommand as results } from './results.js';
export { runCommand as outputs } from './outputs.js';
export { runCommand as replay } from './replay.js';
