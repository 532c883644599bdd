/** `ulimit -n`: a run needs few descriptors, and says so where there are fewer. */
import { describe, expect, test } from 'vitest';
import { bin, makeProject, one, readNdjson, runProcess, type Project } from '../support/project.js';
import { onLinux } from './processes.js';

describe('a system with room for few processes', () => {
  const files = {
    'tasks/nap.ts':
      'export async function nap(i: number) { await new Promise((r) => setTimeout(r, 20)); return i; }',
    'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\nworkers: 24\n',
    'args.ndjson': Array.from({ length: 60 }, (_, i) => `${i}\n`).join(''),
  };
  const limited = (project: Project, openFiles: number) =>
    runProcess(
      'sh',
      [
        '-c',
        `ulimit -n ${openFiles}; exec "$@"`,
        'sh',
        process.execPath,
        bin,
        'map',
        'tasks.nap.nap',
        '--args_list',
        'args.ndjson',
      ],
      { cwd: project.dir },
    );

  test('runs all tasks in those, and says what would help', onLinux, async () => {
    const project = makeProject(files);
    const { code, stderr } = await limited(project, 64);
    expect(code, stderr).toBe(0);
    expect(
      stderr.match(/too many open files \(EMFILE\): the run goes on with \d+ processe?s?\. .*`ulimit -n/g),
    ).toHaveLength(1);
    expect(readNdjson(one(project.path('results/*.ndjson')))).toHaveLength(60);
  });

  test('and one with room for none says so', onLinux, async () => {
    const project = makeProject(files);
    const { code, stderr } = await limited(project, 40);
    expect(code, stderr).toBe(3);
    expect(stderr).toMatch(/cannot start .*too many open files, EMFILE \[HOST_START_FAILED\]\n.*`ulimit -n/);
  });
});
