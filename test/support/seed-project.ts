/** A project in the style of the original's users, test/fixtures/seed-project, and ways to run it and to look at it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeProject, readNdjson, repoRoot, type Project, type RunResult } from './project.js';
import { runPython } from './python-program.js';
import { PROGRAM_CASES, type SeedCase } from './seed-cases.js';

const FIXTURE = join(repoRoot, 'test/fixtures/seed-project');

/** A copy of the project, which stays until the test file ends. */
export function seedProject(how: { readonly hostilePath?: boolean } = {}): Project {
  const names = readdirSync(FIXTURE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
    .map((entry) => join(entry.parentPath, entry.name).slice(FIXTURE.length + 1));
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(FIXTURE, name), 'utf8')]));
  return makeProject(files, { ...how, untilFileEnds: true });
}

/** What is typed after `dl_jobs run`. */
export function seedWords({ module, method, args, kwargs }: SeedCase): string[] {
  const pairs = Object.entries(kwargs).map(([key, value]) => `${key}=${value}`);
  return [method === 'task' ? module : `${module}.${method}`, ...args, ...pairs];
}

/** Its command has ended as it should, and wrote what it should. */
export function expectSeedRun(project: Project, one: SeedCase, { code, stdout, stderr }: RunResult): void {
  expect(code, stderr).toBe(one.errors === undefined ? 0 : 1);
  for (const text of one.said ?? []) expect(stdout + stderr).toContain(text);
  expectSeedFiles(project, one);
}

export function expectSeedFiles(project: Project, { results, errors = {} }: SeedCase): void {
  for (const [file, lines] of Object.entries(results)) {
    const text = readFileSync(project.path(file), 'utf8');
    expect(text.endsWith('\n')).toBe(true);
    expect(text.slice(0, -1).split('\n').sort(), file).toEqual([...lines].sort());
  }
  for (const [file, expected] of Object.entries(errors)) {
    const rows = readNdjson<ErrorRow>(project.path(file)).sort((a, b) => a.TASK_ID - b.TASK_ID);
    // Where the code of the task lies is a matter of the platform; that a stack is there is not.
    const isWithStack = rows.map(({ TYPE, STACK }) => [TYPE !== null, STACK !== null]);
    expect(isWithStack.every(([hasType, hasStack]) => hasType === hasStack)).toBe(true);
    expect(
      rows.map(({ STACK: _, ...row }) => row),
      file,
    ).toEqual(expected);
  }
}

interface ErrorRow {
  readonly TASK_ID: number;
  readonly TYPE: string | null;
  readonly STACK: string | null;
}

/** Files of results and errors of these cases, and no others. */
export function expectNoOtherFiles(project: Project, cases: readonly SeedCase[]): void {
  const there = ['results', 'errors'].flatMap((folder) => {
    const path = project.path(folder);
    if (!existsSync(path)) return [];
    const entries = readdirSync(path, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(project.dir.length + 1));
  });
  const wanted = cases.flatMap(({ results, errors = {} }) => Object.keys({ ...results, ...errors }));
  expect(there.sort()).toEqual(wanted.sort());
}

/** What `launch.py` says of each job. */
export interface LaunchedJob {
  readonly name: string;
  readonly is_local: boolean;
  /** `job.run()` gave the summary, else {@link given}. */
  readonly is_summary: boolean;
  readonly is_list: boolean;
  readonly given: unknown;
  readonly counts: { readonly done: number; readonly ok: number; readonly errors: number };
  readonly ok: number;
  /** Of `job.tasks`. */
  readonly results: readonly unknown[];
}

/** Runs a Python program of the project: it calls the job functions, and runs each job that they return. */
export async function launch<Job = LaunchedJob>(
  project: Project,
  cases: readonly SeedCase[],
  how: { readonly words?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Job[][]> {
  const calls = cases.map(({ module, method, args, kwargs }) => [module, method, args, kwargs]);
  const words = ['launch.py', JSON.stringify(calls), ...(how.words ?? [])];
  const { code, stdout, stderr } = await runPython(project, words, { env: how.env ?? {} });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Job[][];
}

/** The program was given what is in the files: the values where tasks ran here, else a summary, and the tasks. */
export function expectLaunched(seed: SeedCase, jobs: readonly LaunchedJob[], isLocal: boolean): void {
  const names = Object.keys(seed.results).map((file) => /([^/]+)\.ndjson$/.exec(file)?.[1]);
  expect(jobs.map(({ name }) => name)).toEqual(names);
  for (const { is_local, is_summary, is_list, given, counts, ok, results } of jobs) {
    expect([is_local, is_summary]).toEqual([isLocal, !isLocal]);
    if (isLocal) expect(is_list ? given : [given]).toEqual(results);
    expect(counts).toMatchObject({ done: results.length, ok, errors: results.length - ok });
    expect(results.length).toBeGreaterThan(0);
  }
  expect(jobs.every(({ counts }) => counts.errors === 0)).toBe(seed.errors === undefined);
  const lines = Object.values(seed.results).flat();
  const isSpread = seed.method !== 'rows' && seed.method !== 'errors';
  if (isSpread) expect(lines.length).toBe(jobs.reduce((sum, job) => sum + job.ok, 0));
}

/** The tests of a platform: Python programs of the project, whose jobs run there. `env` is asked when they begin. */
export function testLaunched(env: () => Readonly<Record<string, string>>): void {
  test.concurrent('from a program: job.run()', async () => {
    const project = seedProject();
    const said = await launch(project, PROGRAM_CASES, { env: env() });
    for (const [at, seed] of PROGRAM_CASES.entries()) {
      expectLaunched(seed, said[at] ?? [], false);
      expectSeedFiles(project, seed);
    }
    expectNoOtherFiles(project, PROGRAM_CASES);
  });

  test.concurrent('from a program: dl_jobs.job.run()', async () => {
    const project = seedProject();
    const some = PROGRAM_CASES.slice(0, 2);
    const said = await launch(project, some, { words: ['helper', 'platform'], env: env() });
    expect(said.flat().map(({ is_local }) => is_local)).toEqual([false, false, false]);
    for (const seed of some) expectSeedFiles(project, seed);
    expectNoOtherFiles(project, some);
  });

  test.concurrent('from a program: job.platform_run(), of a job for this machine', async () => {
    const project = seedProject();
    const [seed] = PROGRAM_CASES as [SeedCase];
    const here = { ...seed, kwargs: { ...seed.kwargs, platform: 'no' } };
    const [jobs = []] = await launch(project, [here], { words: ['platform_run'], env: env() });
    expectLaunched(seed, jobs, false);
    expectSeedFiles(project, seed);
  });
}
