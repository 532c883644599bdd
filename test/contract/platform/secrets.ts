/** Secrets that tasks print, throw, return and leave to their children: nowhere but in the tasks. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { processes } from '../../e2e/processes.js';
import type { Cases } from './cases.js';
import { errorsOf, resultsOf, sorted } from './scene.js';

const BY_NAME = 'alpha$beta.[x]ünï';
const BY_VALUE = 'gamma "delta" 7';
const PATTERN = 'key-1234-5678';
const SECRETS = [BY_NAME, BY_VALUE, PATTERN, JSON.stringify(BY_VALUE).slice(1, -1)];

const FILES = {
  'tasks/leaky.ts': `
    import { execSync } from 'node:child_process';
    export async function act(kind: string) {
      const text = process.env.BY_NAME + ' and ' + process.env.BY_VALUE + ' and ' + ['key', 1234, 5678].join('-');
      console.log('printed ' + text);
      console.error('printed ' + text);
      if (kind === 'unfinished') process.stdout.write('no line: ' + text);
      if (kind === 'child') execSync('echo "child $BY_NAME and $BY_VALUE"', { stdio: 'inherit' });
      if (kind === 'throw') throw new Error('thrown ' + text);
      if (kind === 'return') return 'ERROR returned ' + text;
      if (kind === 'exit') { process.stdout.write('exit ' + text); process.exit(4); }
      if (kind === 'hang') for (;;);
      return { kind, lengths: [process.env.BY_NAME?.length, process.env.BY_VALUE?.length] };
    }`,
  'tasks/leaky_py.py': [
    'import os, sys, subprocess, time',
    'def act(kind):',
    '    text = "%s and %s and %s" % (os.environ["BY_NAME"], os.environ["BY_VALUE"], "-".join(["key", "1234", "5678"]))',
    '    print("printed " + text)',
    '    print("printed " + text, file=sys.stderr)',
    '    if kind == "unfinished":',
    '        print("no line: " + text, end="")',
    '    if kind == "child":',
    '        subprocess.call(["sh", "-c", \'echo "child $BY_NAME and $BY_VALUE"\'])',
    '    if kind == "throw":',
    '        raise ValueError("thrown " + text)',
    '    if kind == "return":',
    '        return "ERROR returned " + text',
    '    if kind == "exit":',
    '        sys.stdout.write("exit " + text)',
    '        sys.stdout.flush()',
    '        os._exit(4)',
    '    if kind == "hang":',
    '        time.sleep(1000)',
    '    return {"kind": kind, "lengths": [len(os.environ["BY_NAME"]), len(os.environ["BY_VALUE"])]}',
    '',
  ].join('\n'),
};
const OK = ['plain', 'unfinished', 'child', 'plain'];
const BAD = { throw: 'exception', return: 'returned', exit: 'crash', hang: 'timeout' };
const KINDS = [...OK.slice(0, 3), ...Object.keys(BAD), ...OK.slice(3)];

const LANGUAGES = [
  ['TypeScript', 'tasks.leaky.act', 'node'],
  ['Python', 'tasks.leaky_py.act', 'python'],
] as const;

export function secretCases(cases: Cases): void {
  describe.concurrent('a secret', () => {
    for (const [name, method, language] of LANGUAGES) {
      cases.test(
        `is in no file, in no command line, and in nothing the platform keeps: ${name}`,
        [language],
        async () => {
          const scene = cases.newScene(
            { ...FILES, 'args.ndjson': KINDS.map((kind) => `${JSON.stringify(kind)}\n`).join('') },
            {
              config: [`timeout: ${cases.can.timeout}`, 'redact: ["key(-\\\\d{4})+"]'],
              env: { BY_NAME: null, BY_VALUE },
            },
          );
          const { ended } = scene.begin(scene.map(method, '--print_logs'), { env: { BY_NAME } });
          const seen = watchCommandLines();
          const { code, stdout, stderr } = await ended;
          expect(code, stderr).toBe(1);
          expect(seen.end()).toEqual([]);
          for (const secret of SECRETS) expect(stdout + stderr).not.toContain(secret);

          const status = await scene.status();
          expect(sorted(resultsOf(status))).toEqual(
            sorted(OK.map((kind) => ({ kind, lengths: [BY_NAME.length, BY_VALUE.length] }))),
          );
          const errors = errorsOf(status);
          expect(errors.map(({ FAILURE_TYPE }) => FAILURE_TYPE).sort()).toEqual(Object.values(BAD).sort());
          for (const { ERROR } of errors.filter(({ FAILURE_TYPE: type }) => /exception|returned/.test(type)))
            expect(ERROR).toMatch(/(thrown|returned) \*+ and \*+ and \*+/);

          const folders = ['dl_jobs', 'results', 'errors', 'logs'].map((name) => scene.project.path(name));
          const leaks = folders.flatMap(filesIn).filter((file) => {
            const text = readFileSync(file, 'utf8');
            return SECRETS.some((secret) => text.includes(secret));
          });
          expect(leaks).toEqual([]);
          // What they printed is there but for the secrets.
          expect(stdout.match(/^printed \*+ and \*+ and \*+$/gm)?.length).toBeGreaterThanOrEqual(
            KINDS.length * 2,
          );
          expect(stdout).toMatch(/^child \*+ and \*+$/m);

          const kept = await cases.ground.traces(status.id);
          for (const secret of SECRETS) expect(kept).not.toContain(secret);

          // Nothing runs without it.
          const { stderr: refusal } = await scene.run(2, ['retry'], { env: { BY_NAME: undefined } });
          expect(refusal).toContain('[ENV_MISSING]');
          await scene.isQuiet();
        },
      );
    }
  });
}

/** Looks at all processes of this machine again and again; `end` gives the command lines that held a secret. */
function watchCommandLines(): { end(): string[] } {
  const found = new Set<string>();
  const timer = setInterval(() => {
    if (!existsSync('/proc')) return;
    for (const { command } of processes())
      if (SECRETS.some((secret) => command.includes(secret))) found.add(command);
  }, 100);
  return {
    end() {
      clearInterval(timer);
      return [...found];
    },
  };
}

/** Every file below a folder; links are not followed. */
function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : entry.isFile() ? [path] : [];
  });
}
