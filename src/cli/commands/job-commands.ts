// The commands that run jobs share nearly all their code: one lazily loaded module keeps it in few files to load.
export { runCommand as run } from './run.js';
export { runCommand as map } from './map.js';
export { runCommand as test } from './test.js';
export { runCommand as list } from './list.js';
export { runCommand as resume } from './resume.js';
export { runCommand as retry } from './retry.js';
export { runCommand as runs } from './runs.js';
export { runCommand as status } from './status.js';
export { runCommand as errors } from './errors.js';
export { runCommand as attach } from './attach.js';
export { runCommand as cancel } from './cancel.js';
export { runCommand as path } from './path.js';
export { runCommand as rm } from './rm.js';
export { runCommand as clean } from './clean.js';
