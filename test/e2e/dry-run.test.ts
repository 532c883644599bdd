/** `--dry-run`: tells what a run would be, and leaves nothing behind. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listing } from '../support/listing.js';
import { makeProject, readNdjson, one, type Project, type RunResult } from '../support/project.js';

interface Plan {
  readonly job: string;
  readonly platform: string;
  readonly tasks: number;
  readonly list: {
    readonly tasks: number;
    readonly bytes: number | null;
    readonly unfinished: string | null;
  };
  readonly workers: string;
  readonly snapshot: {
    readonly files: number;
    readonly bytes: number;
    readonly largest: readonly { readonly file: string; readonly bytes: number }[];
  };
  readonly requirements: {
    readonly requirements?: readonly string[];
    readonly specs?: readonly string[];
  } | null;
  readonly env: readonly string[];
  readonly warnings: readonly string[];
}

const FILES = {
  'tasks/touch.ts': `
    import { writeFileSync } from 'node:fs';
    import { big } from './big.js';
    writeFileSync('loaded', '');
    export const touch = (n: number) => { writeFileSync('ran', ''); return [n, big.length]; };
  `,
  'tasks/big.ts': `export const big = '${'x'.repeat(20_000)}';\n`,
  'run/jobs.ts': `
    import { writeFileSync } from 'node:fs';
    import { DLJob } from 'dl-jobs';
    const job = (argsList: unknown, more = {}) =>
      new DLJob({ moduleName: 'tasks.touch', methodName: 'touch', argsList: argsList as number[], ...more });
    export const count = (n = '3') => job(Number(n));
    export const some = () => job([1, 'zwei', { drei: '☃' }]);
    export const full = () =>
      job([1, 2], { env: ['GIVEN', 'SECRET'], requirements: ['left-pad@1'], name: 'na me', gpus: 0, memory: '1GB' });
    export const endless = () => job((function* () {
      try { for (let n = 0; ; n++) yield n; } finally { writeFileSync(process.env.LET_GO ?? '', 'yes'); }
    })());
    export const later = () => job((async function* () { for (let n = 0; n < 70; n++) yield n; })());
    export const breaks = () => job((function* () { yield 1; throw new Error('no second'); })());
    export const unspeakable = () => job([1, 10n]);
    export const lost = () => new DLJob({ moduleName: 'tasks.tuch', argsList: 2 });
    export const wants = () => job(1, { env: ['NOT_THERE'] });
    export const nothing = () => undefined;
    export const both = () => [job(2), new DLJob({ moduleName: 'tasks.touch', methodName: 'touch', args: [1] })];
    export const oneLost = () => [job(2), new DLJob({ moduleName: 'tasks.tuch', argsList: 2 })];
  `,
};

describe('a dry run', () => {
  let project: Project;
  let before: string[];
  let temporary: string;

  beforeEach(() => {
    project = makeProject(FILES, { hostilePath: true });
    temporary = project.path('node_modules/tmp');
    mkdirSync(temporary);
    before = listing(project.dir);
  });
  afterEach(() => {
    expect(listing(project.dir)).toEqual(before);
    expect(readdirSync(temporary)).toEqual([]);
  });

  const dry = (args: readonly string[], env = {}, input?: string): Promise<RunResult> =>
    project.run([...args, '--dry-run'], {
      env: { TMPDIR: temporary, ...env },
      ...(input !== undefined && { input }),
    });
  const plansOf = async (args: readonly string[], env = {}, input?: string): Promise<Plan[]> => {
    const { code, stdout, stderr } = await dry([...args, '--json'], env, input);
    expect(code, stderr).toBe(0);
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Plan);
  };

  test('says what would be run where', async () => {
    const { code, stdout, stderr } = await dry(['run', 'jobs.some', '--workers', '2']);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('tasks.touch.touch: 3 tasks on local\n');
    expect(stdout).toMatch(/^ {2}function +touch of tasks\/touch\.ts \(node\)$/m);
    // `1`, `"zwei"`, `{"drei":"☃"}`, each with its line end.
    expect(stdout).toMatch(/^ {2}tasks +3, 24 B of arguments$/m);
    expect(stdout).toMatch(/^ {2}workers +2 processes on this machine$/m);
    expect(stdout).toMatch(/^ {2}image +py36, not used: container is none$/m);
    expect(stderr).toBe('dry run: nothing was submitted, run or written\n');
  });

  test('tells the size of the snapshot, and its largest files first', async () => {
    const [plan] = await plansOf(['run', 'jobs.count']);
    const { files, bytes, largest } = plan?.snapshot ?? { files: 0, bytes: 0, largest: [] };
    expect(files).toBe(3);
    expect(largest.map(({ file }) => file)).toEqual(['tasks/big.ts', 'run/jobs.ts', 'tasks/touch.ts']);
    expect(largest[0]?.bytes).toBeGreaterThan(40_000);
    expect(bytes).toBe(largest.reduce((sum, one) => sum + one.bytes, 0));
  });

  test('names variables and requirements, and no value of a variable', async () => {
    const env = { GIVEN: 'a', SECRET: 'hunter2' };
    const [plan] = await plansOf(['run', 'jobs.full'], env);
    expect(plan?.env).toEqual(['GIVEN', 'SECRET']);
    expect(plan?.requirements?.specs).toEqual(['left-pad@1']);
    const { stdout, stderr } = await dry(['run', 'jobs.full'], env);
    expect(stdout).toMatch(/^ {2}variables +GIVEN, SECRET$/m);
    expect(stdout).toMatch(/^ {2}install +left-pad@1$/m);
    expect(stdout).toMatch(/^ {2}needs +1 core, 1 GB of memory a task$/m);
    expect(stdout + stderr).not.toContain('hunter2');
  });

  test('counts a list that comes later, a limit, and a sample', async () => {
    expect((await plansOf(['run', 'jobs.later']))[0]?.tasks).toBe(70);
    expect((await plansOf(['run', 'jobs.later', '--limit', '69']))[0]?.list.tasks).toBe(69);
    const [sample] = await plansOf(['run', 'jobs.later', '--sample', '5']);
    expect([sample?.tasks, sample?.list.tasks]).toEqual([5, 70]);
    expect((await plansOf(['run', 'jobs.count', '5000000']))[0]?.tasks).toBe(5_000_000);
  });

  test('follows an endless list no further than a million tasks, and lets it go', async () => {
    const gone = project.path('node_modules/gone');
    const [plan] = await plansOf(['run', 'jobs.endless'], { LET_GO: gone });
    expect(plan?.list).toEqual({
      tasks: 1_000_000,
      bytes: null,
      unfinished: 'only 1,000,000 elements are counted',
    });
    expect(existsSync(gone)).toBe(true);
    const { stdout } = await dry(['run', 'jobs.endless'], { LET_GO: gone });
    expect(stdout).toMatch(/^ {2}tasks +1,000,000 or more$/m);
  });

  test.each([
    ['breaks', 'ARGS_INVALID', 'argsList threw after 1 elements: Error: no second'],
    ['unspeakable', 'ARGS_INVALID', 'argsList[1]'],
    ['lost', 'MODULE_NOT_FOUND', 'tasks.tuch'],
    ['wants', 'ENV_MISSING', 'NOT_THERE'],
    ['oneLost', 'MODULE_NOT_FOUND', 'tasks.tuch'],
  ])('ends as the run would for a broken job: %s', async (method, code, text) => {
    const result = await dry(['run', `jobs.${method}`]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(`[${code}]`);
    expect(result.stderr).toContain(text);
    expect(result.stdout).toBe('');
  });

  test('tells of each job, and that there is none', async () => {
    expect((await plansOf(['run', 'jobs.both'])).map(({ tasks }) => tasks)).toEqual([2, 1]);
    const none = await dry(['run', 'jobs.nothing']);
    expect([none.code, none.stdout]).toEqual([0, '']);
    expect(none.stderr).toContain('nothing was run');
  });

  test('is there for map, with standard input, and for test; --detach changes nothing', async () => {
    const [mapped] = await plansOf(['map', 'tasks.touch.touch', '--args_list', '-'], {}, '1\n2\n"3"\n');
    expect([mapped?.job, mapped?.tasks]).toEqual(['tasks.touch.touch', 3]);
    const [passed] = await plansOf(['run', 'jobs.count', '--args_list', '-', '--detach'], {}, '1\n2\n');
    expect(passed?.tasks).toBe(2);
    expect((await plansOf(['test', '4', 'a', '--detach']))[0]?.tasks).toBe(4);
  });

  test('has --json alone refused', async () => {
    const { code, stderr } = await project.run(['run', 'jobs.count', '--json']);
    expect(code).toBe(2);
    expect(stderr).toContain('expected --dry_run with --json, got --json alone [USAGE]');
  });
});

test('what a dry run says is what a run then does', async () => {
  const project = makeProject(FILES);
  const planned = await project.run(['run', 'jobs.some', '--dry-run', '--json']);
  const [{ tasks }] = [JSON.parse(planned.stdout) as Plan];
  const { code, stderr } = await project.run(['run', 'jobs.some', '--no-noisy']);
  expect(code, stderr).toBe(0);
  expect(readNdjson(one(project.path('results/*.ndjson')))).toHaveLength(2 * tasks);
});
