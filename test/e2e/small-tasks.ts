/** Small tasks that tests of outputs share. */
import { makeProject, type Project } from '../support/project.js';

const TASKS = `
import { existsSync } from 'node:fs';
export function square(i: number) { return { square: i * i }; }
export function speak(i: number) {
  console.log('out ' + i);
  console.error('DeprecationWarning: hide me');
  process.stdout.write('no newline ' + i);
  return i;
}
export function silent() {}
export function fail(i: number) { throw new Error('no ' + i); }
export function mixed(i: number) {
  return [{ i }, 'ERROR: bad', '{"text": 12345678901234567890}', null, { ERROR: 'x', ARGS: 'own' }, [1, [2]], 'plain'];
}
export function list(i: number) { return [i, i + 1]; }
export function text() { return ' {"a": 1} '; }
export function listText() { return '[{"a":1},"ERROR x"]'; }
export function both(...words: unknown[]) { return { words }; }
export async function slowSpeak(gate: string) {
  console.log('step 0');
  while (!existsSync(gate)) await new Promise((r) => setTimeout(r, 20));
  console.log('step 1');
  return 'done';
}
`;

/** A project of these tasks, with lists of three and of one. */
export function project(config = '', files: Record<string, string> = {}): Project {
  return makeProject({
    'dl_jobs.config.yaml': config,
    'tasks/t.ts': TASKS,
    'three.ndjson': '0\n1\n2\n',
    'one.ndjson': '0\n',
    ...files,
  });
}
/** Words that map a task function over three arguments. */
export const map = (method: string, ...more: string[]) => [
  'map',
  `tasks.t.${method}`,
  '--args_list',
  'three.ndjson',
  ...more,
];
/** A module with a job function that returns a job of these tasks. */
export const job = (options: string) =>
  `import { DLJob } from 'dl-jobs';
   export function task() { return new DLJob({ moduleName: 'tasks.t', ...${options} }); }`;
