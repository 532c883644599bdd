/** Secrets that tasks print, throw, return and leave to their children: in no file of the run, and in no output. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProject } from '../support/project.js';
import { requires } from '../support/requires.js';
import { ends, runDir } from './journal.js';

describe('a secret', () => {
  const BY_NAME = 'alpha$beta.[x]ünï';
  const BY_VALUE = 'gamma "delta" 7';
  const PATTERN = 'key-1234-5678';
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
        if (kind === 'abort') process.abort();
        if (kind === 'hang') for (;;);
        return kind;
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
      '    if kind == "abort":',
      '        os.abort()',
      '    if kind == "hang":',
      '        time.sleep(1000)',
      '    return kind',
      '',
    ].join('\n'),
  };
  const KINDS = ['plain', 'unfinished', 'child', 'throw', 'return', 'exit', 'abort', 'hang', 'plain'];

  /** Every file below a folder, links apart. */
  function filesIn(folder: string): string[] {
    if (!existsSync(folder)) return [];
    // Step by step: newer releases of Node follow links when they are asked for all at once.
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesIn(path) : entry.isFile() ? [path] : [];
    });
  }

  test.for([
    ['TypeScript', 'tasks.leaky.act', {}],
    ['Python', 'tasks.leaky_py.act', requires('python3')],
  ] as const)('is in no file and in nothing that is printed: %s', async ([, method]) => {
    const project = makeProject({
      ...FILES,
      'args.ndjson': KINDS.map((kind) => `${JSON.stringify(kind)}\n`).join(''),
      'dl_jobs.config.yaml': [
        'workers: 2',
        // More than the others need on a busy machine.
        'timeout: 10s',
        'env:',
        '  BY_NAME: null',
        `  BY_VALUE: ${JSON.stringify(BY_VALUE)}`,
        'redact: ["key(-\\\\d{4})+"]',
        '',
      ].join('\n'),
    });
    const { code, stdout, stderr } = await project.run(['map', method, '--args_list', 'args.ndjson'], {
      env: { BY_NAME },
    });
    expect(code, stderr).toBe(1);
    const secrets = [BY_NAME, BY_VALUE, PATTERN, JSON.stringify(BY_VALUE).slice(1, -1)];
    for (const secret of secrets) expect(stdout + stderr).not.toContain(secret);
    const files = ['dl_jobs', 'results', 'errors', 'logs'].flatMap((name) => filesIn(project.path(name)));
    const leaks = files.filter((file) => {
      const text = readFileSync(file, 'utf8');
      return secrets.some((secret) => text.includes(secret));
    });
    expect(leaks).toEqual([]);
    // The tasks had them, and what they printed is there but for them.
    const log = files
      .filter((file) => /\/runs\/.*\/logs\/.*\.log$/.test(file))
      .map((file) => readFileSync(file, 'utf8'));
    const printed = log.join('').match(/printed \*+ and \*+ and \*+$/gm);
    expect(printed?.length).toBeGreaterThanOrEqual(KINDS.length * 2);
    expect(log.join('')).toMatch(/^child \*+ and \*+$/m);
    expect(log.join('')).toMatch(/no line: \*+ and \*+ and \*+/);
    const all = ends(runDir(project.dir));
    expect(all.map(({ ft }) => ft ?? 'ok').sort()).toEqual([
      'crash',
      'crash',
      'exception',
      'ok',
      'ok',
      'ok',
      'ok',
      'returned',
      'timeout',
    ]);
    for (const record of all) {
      if (record.log === undefined) throw new Error('each task printed');
      const [host, from, to] = record.log;
      const bytes = readFileSync(
        files.find((file) => file.endsWith(`-${host}.log`) && file.includes('/runs/')) as string,
      );
      expect(bytes.toString('utf8', from, to)).toMatch(/printed \*+ and \*+ and \*+\nprinted \*+ and/);
    }
  });

  test.for([
    ['throws it', 'throw new Error("thrown " + process.env.BY_NAME)'],
    ['prints it and ends', 'process.stdout.write("printed " + process.env.BY_NAME); process.exit(3)'],
  ] as const)('is not told when the module %s while it is loaded', async ([, statement]) => {
    const project = makeProject({
      'tasks/broken.ts': `${statement};\nexport const act = (i: number) => i;`,
      'args.ndjson': '1\n2\n',
      'dl_jobs.config.yaml': 'env: [BY_NAME]\n',
    });
    const { code, stdout, stderr } = await project.run(
      ['map', 'tasks.broken.act', '--args_list', 'args.ndjson'],
      {
        env: { BY_NAME },
      },
    );
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(/\[MODULE_LOAD_FAILED\]/);
    expect(stderr).toMatch(/(thrown|printed) \*+/);
    expect(stdout + stderr).not.toContain(BY_NAME);
    const leaks = filesIn(project.path('dl_jobs')).filter((file) =>
      readFileSync(file, 'utf8').includes(BY_NAME),
    );
    expect(leaks).toEqual([]);
  });
});
