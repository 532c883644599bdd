import { expect, test } from 'vitest';
import { makeProject } from '../support/project.js';

test('`dl_jobs test` prints a result a task, with its args, kwargs and options, and nothing else on stdout', async () => {
  const project = makeProject({});
  const { code, stdout, stderr } = await project.run([
    'test',
    '2',
    'a',
    'b',
    'c',
    'hello=world',
    '--dev',
    'True',
  ]);
  expect(code, stderr).toBe(0);
  const results = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { task_id: number });
  expect(results).toHaveLength(2);
  expect(results.sort((a, b) => a.task_id - b.task_id)).toEqual(
    [0, 1].map((task_id) => ({
      task_id,
      args: ['a', 'b', 'c'],
      kwargs: { hello: 'world' },
      options: { dev: true },
    })),
  );
});

test('keywords named as parts of objects do no harm', async () => {
  const project = makeProject({});
  const { code, stdout, stderr } = await project.run([
    'test',
    '1',
    '__proto__=x',
    'constructor=y',
    'toString:=3',
    'a=b=c',
  ]);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('"kwargs":{"__proto__":"x","constructor":"y","toString":3,"a":"b=c"}');
});
