/** Tokens, the secret, and presigned addresses are in nothing that a run leaves, says, or is started with. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type EarthOneServer } from '../support/earthone-server.js';
import { makeProject, type Project, type RunResult } from '../support/project.js';
import { requires } from '../support/requires.js';

const FILES = {
  'tasks/echo.py': [
    'def echo(arg):',
    '    print("at", arg)',
    '    if arg == 3:',
    '        raise ValueError("no")',
    '    return {"arg": arg}',
    '',
  ].join('\n'),
  'dl_jobs.config.yaml': 'platform: earthone\nis_dev: false\ncpu_image: python3.11:latest\n',
};

/** Command lines of all processes but those of the server's own. */
function commandLines(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(join('/proc', pid, 'cmdline'), 'utf8');
      } catch {
        return '';
      }
    })
    .join('\n');
}

describe('what gives access', { ...requires('python3'), concurrent: false, timeout: 300_000 }, () => {
  let server: EarthOneServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());

  /** All that the server was shown or has handed out: the secret, tokens, and what makes an address a presigned one. */
  function planted(): Set<string> {
    const found = new Set([server.clientSecret]);
    for (const { headers, query } of server.requests) {
      const token = headers.authorization?.replace(/^Bearer /, '');
      if (token !== undefined) found.add(token).add(token.split('.').at(-1) ?? token);
      const signature = query.get('X-Signature');
      if (signature !== null) found.add(signature);
    }
    return found;
  }

  async function leaks(project: Project, words: readonly string[], code: number): Promise<RunResult> {
    const seen: string[] = [];
    const look = setInterval(() => seen.push(commandLines()), 20);
    const result = await project.run(words, { env: { ...server.env, HOME: project.path('home') } });
    clearInterval(look);
    expect(result.code, result.stderr).toBe(code);
    const files = readdirSync(project.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      // Newer versions of Node follow the link to this repository there, which has the test server's secret.
      .filter((path) => !path.includes('/node_modules/'))
      // The token is kept there for the next command, as the vendor's client does.
      .filter((path) => !path.startsWith(project.path('home/.earthone')));
    const secrets = [...planted()];
    expect(secrets.length).toBeGreaterThan(2);
    const has = (text: string): boolean => secrets.some((secret) => text.includes(secret));
    expect(files.filter((path) => has(readFileSync(path, 'latin1')))).toEqual([]);
    expect(seen.filter(has)).toEqual([]);
    expect(has(result.stdout + result.stderr)).toBe(false);
    expect(result.stdout + result.stderr).not.toMatch(/X-(Signature|Expires)/);
    return result;
  }

  const map = ['map', 'tasks.echo.echo', '--args_list', 'args.ndjson'];
  const project = (name: string): Project =>
    makeProject({ ...FILES, 'tasks/name.py': `# ${name}\n`, 'args.ndjson': '1\n2\n3\n4\n' });

  test('is nowhere after a run in which all went well but a task', async () => {
    const { stderr } = await leaks(project('well'), map, 1);
    expect(stderr).toContain('4 tasks, 3 ok, 1 error');
  });

  test('is nowhere after addresses were refused, and others worked', async () => {
    server.faults.next('presigned-403', { method: 'PUT', path: /^\/upload/, times: 2 });
    server.faults.next('presigned-403', { method: 'GET', path: /^\/blobs/, times: 2 });
    server.faults.next('presigned-503', { method: 'GET', path: /^\/blobs/, times: 2 });
    server.faults.next('401', { method: 'GET', path: '/jobs', times: 4 });
    const before = server.functions().filter(({ deleted }) => !deleted).length;
    const changed = makeProject({
      ...FILES,
      'args.ndjson': '1\n2\n',
      'tasks/echo.py': 'def echo(arg):\n    return arg\n',
    });
    await leaks(changed, map, 0);
    // Those whose upload failed are gone.
    expect(server.functions().filter(({ deleted }) => !deleted)).toHaveLength(before + 1);
  });

  test.each([
    ['no address works', 'presigned-403', { method: 'GET', path: /^\/blobs/ }, 'presigned address at'],
    ['no token works', '401', { method: 'GET' }, 'EARTHONE_CREDENTIALS'],
  ] as const)('is not in the error when %s', async (_, kind, where, words) => {
    server.faults.next(kind, { ...where, times: 1_000 });
    try {
      const { stderr } = await leaks(project(kind), map, 2);
      expect(stderr).toContain(words);
    } finally {
      server.faults.clear();
    }
  });
});
