/** `attach`: what another terminal shows of a run, and the exit code it gives. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readNdjson, type Project, type RunResult } from '../support/project.js';
import { begin, latest, open, over, slowProject, statusOf, untilState, type LiveRun } from './live-runs.js';
import { onLinux, until } from './processes.js';

interface Attached extends LiveRun {
  /** What it has written up to now. */
  readonly seen: { stdout: string; stderr: string };
}

/** Attaches to the latest run. */
function attach(project: Project, ...words: readonly string[]): Attached {
  const seen = { stdout: '', stderr: '' };
  const live = begin(project, ['attach', ...words], {
    onStart: (child) => {
      child.stdout?.on('data', (chunk: Buffer) => (seen.stdout += String(chunk)));
      child.stderr?.on('data', (chunk: Buffer) => (seen.stderr += String(chunk)));
    },
  });
  return { ...live, seen };
}

/** Starts the job of five tasks, each of which waits for a file of its own. */
async function five(...words: readonly string[]): Promise<LiveRun> {
  const live = begin(slowProject(), ['run', 'jobs.noisy', ...words]);
  await live.marked('started-0', 'started-1', 'started-2', 'started-3', 'started-4');
  return live;
}

function lines(text: string): string[] {
  return text === '' ? [] : text.trimEnd().split('\n');
}

/** The summary in what was written to stderr, without how long it took and the first error. */
function summary({ stderr }: Pick<RunResult, 'stderr'>): string[] {
  const all = lines(stderr);
  const from = all.findIndex((line) => line.includes(': finished'));
  const to = all.findIndex((line) => line.startsWith('  run  '));
  return all
    .slice(from, to + 1)
    .filter((line) => !line.startsWith('  first'))
    .map((line) => line.replace(/ in \S+ s$/, ''));
}

describe('attach', () => {
  test('shows results as they come, to the end, and the summary and exit code of the run', async () => {
    const live = await five();
    const { project } = live;
    open(project, 'go-0');
    // In its state a run may count a result that is not written yet.
    const results = project.path('results/noisy.ndjson');
    await until(
      'one is written',
      () => existsSync(results) && readFileSync(results, 'utf8') === '{"i":"0"}\n',
    );
    const attached = attach(project);
    // It begins at the end of what is there when it comes.
    await until('it is attached', () => attached.seen.stderr.includes('watching'));
    open(project, 'go-3');
    await until('the next result comes', () => attached.seen.stdout === '{"i":"3"}\n');
    open(project, 'go-1', 'go-2', 'go-4');
    const run = await live.ended;
    const ended = await attached.ended;
    expect(run.code, run.stderr).toBe(0);
    expect(ended.code, ended.stderr).toBe(0);
    expect(lines(ended.stdout).sort()).toEqual([1, 2, 3, 4].map((i) => `{"i":"${i}"}`));
    expect(summary(ended)).toEqual(summary(run));
    expect(summary(ended).length).toBeGreaterThan(3);
    expect(ended.stderr).not.toContain('next');
  });

  test('shows each result once when the file is put in order at the end', async () => {
    const live = await five('ordered:=true');
    const { project } = live;
    const attached = attach(project);
    await until('it is attached', () => attached.seen.stderr.includes('watching'));
    for (const name of ['4', '1', '3']) {
      open(project, `go-${name}`);
      await until(`result ${name} comes`, () => attached.seen.stdout.includes(`"${name}"`));
    }
    open(project, 'go-0', 'go-2');
    expect((await live.ended).code).toBe(0);
    const { code, stdout, stderr } = await attached.ended;
    expect(code, stderr).toBe(0);
    expect(lines(stdout).slice(0, 3)).toEqual(['{"i":"4"}', '{"i":"1"}', '{"i":"3"}']);
    expect(lines(stdout).sort()).toEqual([0, 1, 2, 3, 4].map((i) => `{"i":"${i}"}`));
    expect(readNdjson(project.path('results/noisy.ndjson'))).toEqual(
      [0, 1, 2, 3, 4].map((i) => ({ i: String(i) })),
    );
  });

  test('does not show the results of an older run of the same fixed name', async () => {
    const { project, ended } = await five();
    open(project, 'go-0', 'go-1', 'go-2', 'go-3', 'go-4');
    await ended;
    for (const i of [0, 1, 2, 3, 4]) rmSync(project.path(`go-${i}`));
    const live = begin(project, ['run', 'jobs.noisy']);
    await untilState(project, 'it runs', ({ status }) => status === 'running');
    const attached = attach(project);
    await until('it is attached', () => attached.seen.stderr.includes('watching'));
    open(project, 'go-0', 'go-1', 'go-2', 'go-3', 'go-4');
    expect((await live.ended).code).toBe(0);
    const { code, stdout, stderr } = await attached.ended;
    expect(code, stderr).toBe(0);
    expect(lines(stdout).sort()).toEqual([0, 1, 2, 3, 4].map((i) => `{"i":"${i}"}`));
    expect(existsSync(project.path('results/noisy.1.ndjson'))).toBe(true);
  });

  test('leaves the run running at Ctrl-C, and says how to come back', async () => {
    const live = await five();
    const { project } = live;
    const attached = attach(project);
    await until('it is attached', () => attached.seen.stderr.includes('watching'));
    process.kill(attached.pid, 'SIGINT');
    const left = await attached.ended;
    expect(left).toMatchObject({ code: 0, signal: null });
    expect(left.stderr).toContain(`left running; \`dl_jobs attach ${latest(project)}\` watches it again\n`);
    open(project, 'go-0', 'go-1', 'go-2', 'go-3', 'go-4');
    const { code, stderr } = await live.ended;
    expect(code, stderr).toBe(0);
    expect(readNdjson(project.path('results/noisy.ndjson'))).toHaveLength(5);
  });

  test('prints no results of a job that is not noisy', async () => {
    const live = begin(slowProject(), over('twenty.ndjson', 'tasks.slow.wait'));
    const { project } = live;
    await live.marked('started-6');
    const attached = attach(project);
    await until('it is attached', () => attached.seen.stderr.includes('watching'));
    open(project, 'go');
    const run = await live.ended;
    const ended = await attached.ended;
    expect(run.code).toBe(1);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/ {2}first {6}task \d+: RangeError: no \d+\n/);
    expect(ended.stderr).toContain(`dl_jobs retry ${latest(project)}`);
    expect(summary(ended)).toEqual(summary(run));
  });

  test('notices that the controller was killed', onLinux, async () => {
    const live = await five();
    const { project } = live;
    const attached = attach(project);
    await until('it is attached', () => attached.seen.stderr.includes('watching'));
    process.kill(live.pid, 'SIGKILL');
    await live.ended;
    const { code, stderr } = await attached.ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain('interrupted: 0 of 5 tasks');
    expect(stderr).toContain(`dl_jobs resume ${latest(project)}`);
  });

  test('shows what a resumed run adds, and not what it had before', onLinux, async () => {
    const first = await five();
    const { project } = first;
    open(project, 'go-0');
    await untilState(project, 'one is done', ({ counts }) => (counts as { done: number }).done === 1);
    process.kill(first.pid, 'SIGKILL');
    await first.ended;
    const live = begin(project, ['resume']);
    await untilState(
      project,
      'it goes on',
      ({ round, hosts }) => round === 2 && (hosts as unknown[]).length > 1,
    );
    const status = await statusOf(project);
    expect(status).toMatchObject({
      status: 'running',
      counts: { total: 5, done: 1 },
      // None in this round yet.
      rate: null,
      etaMs: null,
      rounds: [
        { round: 1, kind: 'run', tasks: null },
        { round: 2, kind: 'resume', codeIsNew: false, tasks: 4 },
      ],
    });
    expect((await project.run(['status'])).stdout).toMatch(/rounds +1 run, .*\n +2 resume, .*, 4 tasks\n/);
    const attached = attach(project);
    await until('it is attached', () => attached.seen.stderr.includes('watching'));
    open(project, 'go-1', 'go-2', 'go-3', 'go-4');
    const run = await live.ended;
    const { code, stdout, stderr } = await attached.ended;
    expect(run.code, run.stderr).toBe(0);
    expect(code, stderr).toBe(0);
    expect(lines(stdout).sort()).toEqual([1, 2, 3, 4].map((i) => `{"i":"${i}"}`));
    expect(summary({ stderr })).toEqual(summary(run));
    expect((await statusOf(project)).rate).toBeGreaterThan(0);
  });

  test('waits for a run that is queued', async () => {
    const live = begin(slowProject(), ['run', 'jobs.three']);
    const { project } = live;
    await live.marked('started-a');
    const attached = attach(project, latest(project));
    await until('it says so', () => attached.seen.stderr.includes('is queued'));
    open(project, 'go-a', 'go-b');
    await live.marked('started-c');
    open(project, 'go-c');
    expect((await live.ended).code).toBe(0);
    const { code, stderr } = await attached.ended;
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('1 task, 1 ok, 0 errors');
  });
});

describe('attach to a run that does not run', () => {
  test('prints its summary and gives its exit code', async () => {
    const project = slowProject();
    const first = await project.run(over('two.ndjson', 'tasks.slow.square'));
    const fine = await project.run(['attach']);
    expect(fine, fine.stderr).toMatchObject({ code: 0, stdout: '' });
    expect(summary(fine)).toEqual(summary(first));
    open(project, 'go');
    await project.run(over('twenty.ndjson', 'tasks.slow.wait'));
    expect(await project.run(['attach'])).toMatchObject({ code: 1, stdout: '' });
  });

  test('gives 0 for a sample that went well, and 130 for one that was interrupted', async () => {
    const project = slowProject();
    const sample = await project.run(over('twenty.ndjson', 'tasks.slow.square', '--sample', '3'));
    expect(sample.code, sample.stderr).toBe(0);
    const attached = await project.run(['attach']);
    expect(attached.code, attached.stderr).toBe(0);
    expect(attached.stderr).toContain(`dl_jobs resume ${latest(project)}`);
    const live = begin(project, over('two.ndjson', 'tasks.slow.gate'));
    await live.marked('started-0');
    process.kill(live.pid, 'SIGINT');
    // Else the tasks may end before it looks at the signal, and the run is finished.
    await live.said('interrupted');
    open(project, 'go-0', 'go-1');
    expect((await live.ended).code).toBe(130);
    expect((await project.run(['attach'])).code).toBe(130);
  });
});
