/**
 * Runs whose controller died, or was interrupted, and what `resume` makes of them.
 * lines: one project, and what is done to it.
 */
import type { ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson, type Project, type RunResult } from '../support/project.js';
import { onLinux, until } from './processes.js';
import { ends, records, runDir, runDirs } from './journal.js';

const COUNT = 40;

const FILES = {
  'dl_jobs.config.yaml': 'noisy: false\nworkers: 2\n',
  'args.ndjson': Array.from({ length: COUNT }, (_, i) => `${i}\n`).join(''),
  'tasks/wait.ts': `
    import { appendFileSync, existsSync } from 'node:fs';
    /** Tasks from 10 on wait for a file. */
    export async function task(i: number) {
      appendFileSync('executed', i + '\\n');
      while (i >= 10 && !existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 20));
      if (i % 10 === 7) throw new RangeError('seven in ' + i);
      return { i, by: 'old' };
    }
    export const elsewhere = task;
    export async function secretive(i: number) {
      await task(i);
      return { i, mode: process.env.MODE, token: process.env.TOKEN_FOR_TEST };
    }`,
  'run/j.ts': `
    import { DLJob } from 'dl-jobs';
    import { existsSync, readFileSync } from 'node:fs';
    const job = (argsList, more = {}) => new DLJob({ moduleName: 'tasks.wait', argsList, ...more });
    export const count = () => job(${COUNT});
    async function* slowly(n, from = 0) {
      for (let i = 0; i < n; i++) {
        if (i === 20) while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 20));
        yield i + from;
      }
    }
    export const generator = (n) => job(slowly(Number(n)));
    export const changing = () => job(slowly(${COUNT}, existsSync('go') ? 1 : 0));
    export const shorter = () => job(slowly(existsSync('go') ? 15 : ${COUNT}));
    export const two = () => [job(${COUNT}), job(5, { methodName: 'elsewhere' })];
    export const fixed = () => job(${COUNT}, { name: 'fixed', resultsTimestamp: false });
    export const env = () => job(${COUNT}, { methodName: 'secretive', env: { MODE: 'fast', TOKEN_FOR_TEST: null } });
    `,
  'script.mjs': `
    import { DLJob } from 'dl-jobs';
    import { existsSync } from 'node:fs';
    async function* list() {
      for (let i = 0; i < ${COUNT}; i++) {
        if (i === 20) while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 20));
        yield i;
      }
    }
    await new DLJob({ moduleName: 'tasks.wait', argsList: list() }).run();`,
};

const executed = (project: Project): number[] =>
  readFileSync(project.path('executed'), 'utf8').trim().split('\n').map(Number);

/** The tasks of the run at `dir` that have an outcome, also when the last line of a shard is torn. */
function recorded(dir: string): number[] {
  for (const name of readdirSync(join(dir, 'journal')).filter((n) => n.endsWith('.ndjson'))) {
    const path = join(dir, 'journal', name);
    const text = readFileSync(path, 'utf8');
    if (!text.endsWith('\n')) writeFileSync(path, text.slice(0, text.lastIndexOf('\n') + 1));
  }
  return ends(dir).map((end) => end.t);
}

/** Starts `words`, waits until the first ten tasks are recorded, and kills the controller. */
async function killed(
  words: readonly string[],
  signal: NodeJS.Signals = 'SIGKILL',
  options: { readonly script?: boolean; readonly env?: Record<string, string> } = {},
): Promise<Project> {
  const project = makeProject(FILES);
  let pid = 0;
  let said = '';
  const start = {
    env: options.env ?? {},
    onStart: (child: ChildProcess) => {
      pid = child.pid as number;
      child.stderr?.on('data', (chunk) => (said += String(chunk)));
    },
  };
  const ended = options.script === true ? project.node(words, start) : project.run(words, start);
  await until('ten tasks are recorded', () => {
    const [dir] = existsSync(project.path('dl_jobs/runs')) ? runDirs(project.dir) : [];
    return dir !== undefined && existsSync(join(dir, 'journal')) && recordedCount(dir) >= 10;
  });
  process.kill(pid, signal);
  if (signal !== 'SIGKILL') {
    // Two signals that wait to be heard are one.
    await until('the first was heard', () => said.includes('Ctrl-C again'));
    process.kill(pid, signal);
  }
  await ended;
  return project;
}

function recordedCount(dir: string): number {
  const text = readdirSync(join(dir, 'journal'))
    .filter((name) => name.endsWith('.ndjson'))
    .map((name) => readFileSync(join(dir, 'journal', name), 'utf8'))
    .join('');
  let count = 0;
  for (const line of text.split('\n').slice(0, -1)) {
    const record = JSON.parse(line) as { k: string; n?: number };
    if (record.k === 'end') count++;
    if (record.k === 'ends') count += record.n ?? 0;
  }
  return count;
}

function go(project: Project): void {
  writeFileSync(project.path('go'), '');
}

function expectWhole(project: Project, result: RunResult, count = COUNT): void {
  expect(result.code, result.stderr).toBe(1);
  const failed = Array.from({ length: count }, (_, i) => i).filter((i) => i % 10 === 7);
  const results = readNdjson<{ i: number }>(one(project.path('results/*.ndjson'))).map(({ i }) => i);
  expect(results.sort((a, b) => a - b)).toEqual(
    Array.from({ length: count }, (_, i) => i).filter((i) => i % 10 !== 7),
  );
  const errors = readNdjson<{ TASK_ID: number }>(one(project.path('errors/*.ndjson')));
  expect(errors.map((line) => line.TASK_ID).sort((a, b) => a - b)).toEqual(failed);
}

describe('resume', () => {
  test.for([
    ['a controller that was killed', 'SIGKILL'],
    ['Ctrl-C twice', 'SIGINT'],
  ] as const)(
    'finishes the run after %s, and runs nothing twice that was recorded',
    onLinux,
    async ([, signal]) => {
      const project = await killed(['run', 'j.count'], signal);
      const dir = runDir(project.dir);
      const before = new Set(recorded(dir));
      const executions = executed(project).length;
      go(project);
      expectWhole(project, await project.run(['resume']));
      expect(
        executed(project)
          .slice(executions)
          .filter((task) => before.has(task)),
      ).toEqual([]);
      expect(records(dir).at(-1)).toBeDefined();
      expect(readdirSync(join(dir, 'rounds')).sort()).toEqual(['1', '2']);
      expect(existsSync(join(dir, 'lock'))).toBe(false);
      const again = await project.run(['resume']);
      expect(again.stderr).toContain('nothing is left to run');
    },
  );

  test('goes on with an argument list that a job function was still producing', onLinux, async () => {
    const project = await killed(['run', 'j.generator', String(COUNT)]);
    const dir = runDir(project.dir);
    expect(existsSync(join(dir, 'args/sealed.json'))).toBe(false);
    // A line that was being written when the power failed.
    appendFileSync(join(dir, 'args/args.ndjson'), '{"to');
    go(project);
    expectWhole(project, await project.run(['resume']));
    const lines = readFileSync(join(dir, 'args/args.ndjson'), 'utf8');
    expect(lines).toBe(Array.from({ length: COUNT }, (_, i) => `${i}\n`).join(''));
    expect(JSON.parse(readFileSync(join(dir, 'args/sealed.json'), 'utf8'))).toMatchObject({ count: COUNT });
  });

  test(
    'refuses a list that is another now, naming the first difference, until it is told to seal it',
    onLinux,
    async () => {
      const project = await killed(['run', 'j.changing']);
      go(project);
      const refused = await project.run(['resume']);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain('argsList[0]: expected the element that was recorded, 0, got 1');
      expect(refused.stderr).toContain('[ARGS_CHANGED]');
      expect(refused.stderr).toContain('--seal');
      expectWhole(project, await project.run(['resume', '--seal']), 20);
    },
  );

  test('refuses a list that ends sooner now', onLinux, async () => {
    const project = await killed(['run', 'j.shorter']);
    go(project);
    const refused = await project.run(['resume']);
    expect(refused.stderr).toContain('argsList[15]: expected the element that was recorded, 15, got its end');
  });

  test('refuses the unfinished list of a script, until it is told to seal it', onLinux, async () => {
    const project = await killed(['script.mjs'], 'SIGKILL', { script: true });
    go(project);
    const refused = await project.run(['resume']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('[ARGS_UNFINISHED]');
    expectWhole(project, await project.run(['resume', '--seal']), 20);
  });

  test('without a name goes on with all jobs of the last invocation, in their order', onLinux, async () => {
    const project = await killed(['run', 'j.two']);
    go(project);
    const { code, stderr } = await project.run(['resume']);
    expect(code, stderr).toBe(1);
    const [first, second] = runDirs(project.dir) as [string, string];
    expect(new Set(ends(first).map((end) => end.t)).size).toBe(COUNT);
    expect(new Set(ends(second).map((end) => end.t)).size).toBe(5);
    expect(stderr.indexOf('tasks.wait.task')).toBeLessThan(stderr.indexOf('tasks.wait.elsewhere'));
  });

  test('runs the code of then, and that of now when it is asked to', onLinux, async () => {
    for (const [words, by] of [
      [['resume'], 'old'],
      [['resume', '--code', 'new'], 'new'],
    ] as const) {
      const project = await killed(['run', 'j.count']);
      const before = new Set(recorded(runDir(project.dir)));
      const file = project.path('tasks/wait.ts');
      writeFileSync(file, readFileSync(file, 'utf8').replace("by: 'old'", "by: 'new'"));
      go(project);
      const { stderr } = await project.run(words);
      const results = readNdjson<{ i: number; by: string }>(one(project.path('results/*.ndjson')));
      expect(new Set(results.filter(({ i }) => !before.has(i)).map((r) => r.by))).toEqual(new Set([by]));
      expect(stderr.includes('with new code')).toBe(by === 'new');
    }
  });

  test(
    'keeps to results of a fixed name, also when another run took the name meanwhile',
    onLinux,
    async () => {
      const project = await killed(['run', 'j.fixed']);
      const results = project.path('results/fixed.ndjson');
      if (existsSync(results)) renameSync(results, project.path('results/fixed.mine'));
      mkdirSync(project.path('results'), { recursive: true });
      writeFileSync(results, '"of another run"\n');
      go(project);
      const { stderr } = await project.run(['resume']);
      expect(stderr).toContain('fixed.1.ndjson');
      expect(readFileSync(project.path('results/fixed.1.ndjson'), 'utf8')).toBe('"of another run"\n');
      expect(readNdjson(results).length).toBe(COUNT - 4);
    },
  );

  test('makes results anew that were deleted or changed', onLinux, async () => {
    for (const spoil of [
      (path: string) => writeFileSync(path, 'nonsense\n'),
      (path: string) => renameSync(path, `${path}.gone`),
    ]) {
      const project = await killed(['run', 'j.count']);
      const names = existsSync(project.path('results')) ? readdirSync(project.path('results')) : [];
      for (const name of names) spoil(project.path('results', name));
      go(project);
      await project.run(['resume']);
      const path = one(project.path('results/*local.ndjson'));
      expect(readNdjson(path).length).toBe(COUNT - 4);
    }
  });

  test('finishes outputs that a controller left behind its last record', async () => {
    const project = makeProject(FILES);
    go(project);
    await project.run(['run', 'j.count']);
    const dir = runDir(project.dir);
    // As if it had died before it could write them.
    const results = one(project.path('results/*.ndjson'));
    writeFileSync(results, readFileSync(results, 'utf8').slice(0, 100));
    rmSync(join(dir, 'checkpoint.json'));
    rmSync(join(dir, 'state.json'));
    rmSync(one(project.path('errors/*.ndjson')));
    const before = executed(project).length;
    expectWhole(project, await project.run(['resume']));
    expect(executed(project).length).toBe(before);
    expect((await project.run(['resume'])).stderr).toContain('nothing is left to run');
    // A power failure took the end of a file with it.
    truncateSync(results, 50);
    expectWhole(project, await project.run(['resume']));
    expect(executed(project).length).toBe(before);
  });

  test('counts tries on over all resumes', onLinux, async () => {
    const project = await killed([
      'run',
      'j.count',
      '--retries',
      '1',
      '--retry_on',
      'exception',
      '--retry_delay',
      '100s',
    ]);
    const dir = runDir(project.dir);
    const tries = (): (number | false | undefined)[] => {
      recorded(dir);
      return ends(dir)
        .filter((end) => end.t === 7)
        .map((end) => end['a'] as number);
    };
    // Ten tasks had ended, on a busy machine not always the first ten.
    expect([[], [1]]).toContainEqual(tries());
    for (let i = 0; i < 2; i++) {
      await project.run(['resume', '--retry_delay', '100s'], {
        onStart: (child) => void setTimeout(() => child.kill('SIGKILL'), 700 * i + 300),
      });
    }
    go(project);
    expectWhole(project, await project.run(['resume', '--retry_delay', '0.01s']));
    expect(tries().length).toBeLessThanOrEqual(2);
    expect(tries().at(-1)).toBe(2);
  });

  test('gives tasks the variables that the job gave them, which are not on disk', onLinux, async () => {
    const env = { TOKEN_FOR_TEST: 'a token 4711' };
    const project = await killed(['run', 'j.env'], 'SIGKILL', { env });
    expect(readFileSync(join(runDir(project.dir), 'run.json'), 'utf8')).not.toMatch(/4711|"fast"/);
    go(project);
    const missing = await project.run(['resume']);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('TOKEN_FOR_TEST');
    expect(missing.stderr).toContain('[ENV_MISSING]');
    await project.run(['resume'], { env });
    const results = readNdjson<{ mode: string; token: string }>(one(project.path('results/*.ndjson')));
    expect(results.length).toBe(COUNT - 4);
    expect(new Set(results.map(({ mode, token }) => `${mode} ${token}`))).toEqual(
      new Set(['fast a token 4711']),
    );
  });

  test('is refused while another process controls the run', onLinux, async () => {
    const project = makeProject(FILES);
    let pid = 0;
    const ended = project.run(['run', 'j.count'], {
      onStart: (child) => {
        pid = child.pid as number;
      },
    });
    await until('a task runs', () => existsSync(project.path('executed')));
    const refused = await project.run(['resume']);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain(`process ${pid}`);
    expect(refused.stderr).toContain('[RUN_LOCKED]');
    go(project);
    expectWhole(project, await ended);
  });

  test.for([
    [['resume', 'nosuch'], 'RUN_NOT_FOUND'],
    [['resume'], 'RUN_NOT_FOUND'],
    [['resume', 'a', 'b'], 'USAGE'],
    [['retry', '--tasks', '5-3'], 'USAGE'],
    [['retry', '--failure_type', 'sometimes'], 'USAGE'],
  ] as const)('%j says what is wrong', async ([words, code]) => {
    const project = makeProject(FILES);
    const result = await project.run(words);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(`[${code}]`);
  });
});
