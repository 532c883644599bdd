/** How task functions are called. */
import { expect, test } from 'vitest';
import { makeProject, one, readNdjson } from '../support/project.js';

test('a task is called as a function, of no object', async () => {
  const project = makeProject({
    'one.ndjson': '5\n',
    'dl_jobs.config.yaml': 'noisy: false\nlog: false\n',
    'tasks/who.ts': 'export function f(this: unknown, i: number) { return [i, this === undefined]; }',
    'tasks/who_async.ts':
      'export async function f(this: unknown, i: number) { return [i, this === undefined]; }',
  });
  expect(await project.run(['map', 'tasks.who.f', '--args_list', 'one.ndjson'])).toMatchObject({ code: 0 });
  expect(readNdjson(one(project.path('results/*who.f*.ndjson')))).toEqual([5, true]);
  const several = ['map', 'tasks.who_async.f', '--args_list', 'one.ndjson', '--task_concurrency', '4'];
  expect(await project.run(several)).toMatchObject({ code: 0 });
  expect(readNdjson(one(project.path('results/*who_async.f*.ndjson')))).toEqual([5, true]);
});
