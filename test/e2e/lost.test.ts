/** Tasks whose worker vanishes again and again: only one that ran alone each time is given up. */
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson, type Project } from '../support/project.js';
import { onLinux } from './processes.js';
import { executions, okTasks, runAndKill } from './side-file.js';

const FILES = {
  'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\nworkers: 2\n',
  // The first task waits for the file `go`, and the others take some time until it is there.
  'tasks/t.ts': `
    import { appendFileSync, existsSync } from 'node:fs';
    const nap = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    export async function f(i: number) {
      appendFileSync('side', i + '\\n');
      if (i === 0) while (!existsSync('go')) await nap(20);
      if (!existsSync('go')) await nap(20);
      return { i };
    }`,
  'run/j.ts': `
    import { DLJob } from 'dl-jobs';
    export function task(count: string) {
      return new DLJob({ moduleName: 'tasks.t', methodName: 'f', argsList: Number(count) });
    }`,
};

/** Runs, then resumes; each time the controller is killed once `most` further tasks were executed. */
async function killTimes(project: Project, times: number, count: number, most: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    const before = executions(project).length;
    const words = n === 0 ? ['run', 'j', String(count)] : ['resume'];
    const { signal } = await runAndKill(project, words, () => executions(project).length - before >= most);
    expect(signal).toBe('SIGKILL');
  }
}

describe('a task whose worker vanishes', () => {
  const options = { ...onLinux, timeout: 180_000 };

  test('is not given up while others ran beside it, however often', options, async () => {
    const project = makeProject(FILES);
    // Many more than are executed until the last kill, however late each of them comes.
    const count = 1_000;
    await killTimes(project, 5, count, 20);
    writeFileSync(project.path('go'), '');
    const { code, stderr } = await project.run(['resume']);
    expect(code, stderr).toBe(0);
    expect(okTasks(project.path('results'))).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  test('is given up after the third time that it ran alone', options, async () => {
    const project = makeProject(FILES);
    await killTimes(project, 3, 1, 1);
    const { code, stderr } = await project.run(['resume']);
    expect(code, stderr).toBe(1);
    expect(executions(project)).toEqual([0, 0, 0]);
    const errors = readNdjson<{ TASK_ID: number; FAILURE_TYPE: string }>(
      one(project.path('errors/*.ndjson')),
    );
    expect(errors).toMatchObject([{ TASK_ID: 0, FAILURE_TYPE: 'lost' }]);
    expect(errors).toHaveLength(1);
    // A retry tries it anew.
    writeFileSync(project.path('go'), '');
    const retried = await project.run(['retry']);
    expect(retried.code, retried.stderr).toBe(0);
    expect(okTasks(project.path('results'))).toEqual([0]);
  });
});
