/** Hosts that are started while the job function is looked for: used when they fit, and gone when they do not. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeProject, one, readNdjson, type Project } from '../support/project.js';
import { requires } from '../support/requires.js';
import { runDirs } from './journal.js';
import { isRunning, onLinux, until } from './processes.js';

const FILES = {
  'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\nlog: false\nworkers: 1\n',
  'tasks/who.ts': `
    export function who() {
      console.log('hello');
      return { pid: process.pid, word: process.env.WORD ?? null, cwd: process.cwd() };
    }`,
  'tasks/who_py.py': [
    'import os',
    'def who(_):',
    '    print("hello")',
    '    return {"pid": os.getpid(), "word": os.environ.get("WORD"), "cwd": os.getcwd()}',
    '',
  ].join('\n'),
  // Writes down which hosts run already, and then does what the file `what` says.
  'run/j.ts': `
    import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
    import { DLJob } from 'dl-jobs';
    function hosts(): number[] {
      return readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).map(Number).filter((pid) => {
        try {
          const parent = Number(readFileSync('/proc/' + pid + '/stat', 'utf8').replace(/^.*\\) /s, '').split(' ')[1]);
          return parent === process.pid && /host\\.(js|py)/.test(readFileSync('/proc/' + pid + '/cmdline', 'utf8'));
        } catch { return false; }
      });
    }
    export async function task(what: string) {
      const spares = hosts();
      writeFileSync('spares.json', JSON.stringify(spares));
      if (what === 'throw') throw new Error('no job today');
      if (what === 'nothing') return;
      if (what === 'wrong') return 5;
      if (what === 'broken') return new DLJob({ moduleName: 'tasks.gone', argsList: 2 });
      if (what === 'word') process.env.WORD = 'changed';
      if (what.startsWith('kill')) {
        for (const pid of spares) process.kill(pid, 'SIGKILL');
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      return new DLJob({ moduleName: what.endsWith('python') ? 'tasks.who_py' : 'tasks.who', methodName: 'who', argsList: 2 });
    }`,
};

interface Seen {
  readonly spares: readonly number[];
  readonly code: number | null;
  readonly stderr: string;
  readonly rows: readonly { pid: number; word: string | null; cwd: string }[];
}

/** Runs the job function once, and checks that nothing is left of its hosts. */
async function run(project: Project, what: string): Promise<Seen> {
  rmSync(project.path('results'), { recursive: true, force: true });
  const { code, stderr } = await project.run(['run', 'j', what]);
  const spares = JSON.parse(readFileSync(project.path('spares.json'), 'utf8')) as number[];
  const rows = existsSync(project.path('results'))
    ? readNdjson<Seen['rows'][0]>(one(project.path('results/*.ndjson')))
    : [];
  await until('all hosts end', () => ![...spares, ...rows.map((row) => row.pid)].some(isRunning));
  expect(readdirSync(project.path('dl_jobs/cache')).filter((name) => name.includes('spare'))).toEqual([]);
  return { spares, code, stderr, rows };
}

const LANGUAGES = [
  ['node', {}],
  ['python', requires('python3')],
] as const;

describe.for(LANGUAGES)('a host of %s that was started early', ([language, needs]) => {
  test(
    'runs the tasks when it fits, with its output in the run’s log',
    { ...onLinux, ...needs },
    async () => {
      const project = makeProject(FILES);
      const first = await run(project, language);
      expect(first.code, first.stderr).toBe(0);
      expect(first.spares).toEqual([]);
      const second = await run(project, language);
      expect(second.code, second.stderr).toBe(0);
      expect(second.spares.length).toBeGreaterThan(0);
      expect(second.rows).toHaveLength(2);
      for (const row of second.rows) {
        expect(second.spares).toContain(row.pid);
        expect(row).toMatchObject({ word: null, cwd: project.dir });
      }
      const log = readFileSync(one(`${String(runDirs(project.dir).at(-1))}/logs/*-0.log`), 'utf8');
      expect(log).toBe('hello\nhello\n');
    },
  );

  test('is let go when the job asks for another', { ...onLinux, ...needs }, async () => {
    const project = makeProject(FILES);
    await run(project, language);
    const other = await run(project, language === 'node' ? 'word' : 'node');
    expect(other.code, other.stderr).toBe(0);
    expect(other.spares.length).toBeGreaterThan(0);
    expect(other.rows).toHaveLength(2);
    for (const row of other.rows) {
      expect(other.spares).not.toContain(row.pid);
      expect(row.word).toBe(language === 'node' ? 'changed' : null);
    }
  });

  test('is let go when there is no run after all', { ...onLinux, ...needs }, async () => {
    const project = makeProject(FILES);
    await run(project, language);
    const codes = { throw: 2, wrong: 2, broken: 2, nothing: 0 };
    for (const [what, code] of Object.entries(codes)) {
      const seen = await run(project, what);
      expect(seen.code, seen.stderr).toBe(code);
      expect(seen.spares.length, what).toBeGreaterThan(0);
      expect(seen.rows).toEqual([]);
    }
  });

  test('that was killed before it was needed is replaced', { ...onLinux, ...needs }, async () => {
    const project = makeProject(FILES);
    await run(project, language);
    const seen = await run(project, `kill ${language}`);
    expect(seen.code, seen.stderr).toBe(0);
    expect(seen.spares.length).toBeGreaterThan(0);
    expect(seen.rows).toHaveLength(2);
  });
});
