/** What is to be installed, as read from lists and files of requirements. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { NodePackages, PythonPackages } from '../../src/contract/packages.js';
import { readPackages } from '../../src/envs/read-packages.js';
import { put } from '../support/packages.js';

function folder(files: Readonly<Record<string, string>>): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'dl jobs "envs"\n')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) put(join(root, name), text);
  return root;
}

const python = (said: readonly string[] | string, root: string) =>
  readPackages(said, { language: 'python', root, dlsRoot: join(root, 'dl_jobs') }) as PythonPackages | null;
const node = (said: readonly string[] | string, root: string) =>
  readPackages(said, { language: 'node', root, dlsRoot: join(root, 'dl_jobs') }) as NodePackages | null;

describe('requirements of Python tasks', () => {
  test('are the lines of all files that belong to them, as pip reads them', () => {
    const root = folder({
      'need/all.txt': [
        '\uFEFF# a comment',
        'one==1 ; python_version > "3" # why',
        'two \\',
        '  >= 2, \\',
        '  < 3',
        'three @ https://host/three.zip#sha256=abc',
        '-r "more files/base.txt"',
        '--constraint=limits.txt',
        '--find-links=wheels',
        '-fhttps://host/links#frag',
        '--extra-index-url https://${TOKEN}@host/simple',
        'DL.Jobs[x] >= 0.1',
        'dl-jobs-extra==1',
        'dljobs',
        '',
      ].join('\r\n'),
      'need/more files/base.txt': '-r ../all.txt\n-c limits.txt\nfour\n',
      'need/more files/limits.txt': 'four<5\ndl_jobs==0.1\n',
      'need/limits.txt': 'one<2\n-r more.txt',
      'need/more.txt': 'two!=2.5',
      'need/wheels/x.whl': '',
    });
    expect(python('need/all.txt', root)).toEqual({
      language: 'python',
      requirements: [
        'one==1 ; python_version > "3"',
        'two   >= 2,   < 3',
        'three @ https://host/three.zip#sha256=abc',
        'four',
        '--find-links need/wheels',
        '-fhttps://host/links#frag',
        '--extra-index-url https://${TOKEN}@host/simple',
        'dl-jobs-extra==1',
        'dljobs',
      ],
      constraints: ['four<5', 'one<2', 'two!=2.5'],
      local: [],
    });
  });

  test('are a list of lines, a file, or the folder of a requirements.txt', () => {
    const root = folder({ 'requirements.txt': 'a\n', 'sub/requirements.txt': 'b' });
    expect(python(['x', '-r sub/requirements.txt', 'y\nz'], root)?.requirements).toEqual([
      'x',
      'b',
      'y',
      'z',
    ]);
    expect(python('.', root)?.requirements).toEqual(['a']);
    expect(python(join(root, 'sub'), root)?.requirements).toEqual(['b']);
  });

  test.for([[[]], [['# nothing', '']], [['dl_jobs', 'dl-jobs>=1']], [['--index-url https://host']]])(
    'that install nothing need no environment: %j',
    ([said]) => {
      expect(python(said as string[], folder({}))).toBeNull();
    },
  );

  test('that are editable install something', () => {
    expect(python(['-e ./x'], folder({}))?.requirements).toEqual(['-e ./x']);
    expect(python(['--editable=./x'], folder({}))?.requirements).toEqual(['--editable=./x']);
  });

  test('note what local files and folders hold, and nothing that builds and runs leave there', () => {
    const files = { 'lib/a b/pyproject.toml': 'x', 'lib/a b/src/m.py': 'y', 'w/p-1-py3-none-any.whl': 'z' };
    const root = folder(files);
    const said = ['./lib/a b', 'q[extra] @ file:///nowhere', './w/p-1-py3-none-any.whl ; os_name == "posix"'];
    const before = python(said, root)?.local;
    expect(before?.map(([path]) => path)).toEqual(['lib/a b', 'w/p-1-py3-none-any.whl']);

    for (const name of ['build/x', 'x.egg-info/PKG', '__pycache__/m.pyc', '.git/HEAD', 'dl_jobs/runs/r'])
      put(join(root, 'lib/a b', name), 'new');
    put(join(root, 'lib/a b/venv/pyvenv.cfg'), 'home = /');
    const options = { language: 'python', root, dlsRoot: join(root, 'lib/a b/dl_jobs') } as const;
    expect(readPackages(said, options)?.local).toEqual(before);

    writeFileSync(join(root, 'lib/a b/src/m.py'), 'Y');
    const after = readPackages(said, options)?.local;
    expect(after?.[0]?.[1]).not.toBe(before?.[0]?.[1]);
    expect(after?.[1]).toEqual(before?.[1]);
  });

  test('say which file is missing, and who names it', () => {
    const root = folder({ 'a/requirements.txt': '-r ../b.txt' });
    expect(() => python('requests', root)).toThrow(
      expect.objectContaining({
        code: 'JOB_INVALID',
        message: `requirements: expected a file or folder, found none at ${join(root, 'requests')}`,
        hint: expect.stringContaining('requirements: ["requests"]'),
      }),
    );
    expect(() => python('a', root)).toThrow(
      `${join(root, 'a/requirements.txt')}: \`-r ../b.txt\`: expected a file, found none at ${join(root, 'b.txt')}`,
    );
    mkdirSync(join(root, 'empty'));
    expect(() => python('empty', root)).toThrow(join(root, 'empty/requirements.txt'));
  });
});

describe('requirements of TypeScript tasks', () => {
  test('are what npm takes, without our own package; the content of local ones is noted', () => {
    const root = folder({ 'v/x-1.tgz': 'x', 'v/dir/package.json': '{}', 'y.tgz': 'y' });
    const said = [
      ' lodash@^4 ',
      'dl-jobs',
      'dl-jobs@0.1',
      '@a/b@1',
      './v/x-1.tgz',
      'file:v/dir',
      '@s/z@file:y.tgz',
      '',
    ];
    const packages = node(said, root);
    expect(packages).toMatchObject({
      language: 'node',
      specs: ['lodash@^4', '@a/b@1', './v/x-1.tgz', 'file:v/dir', '@s/z@file:y.tgz'],
      manifest: null,
      lock: null,
    });
    expect(packages?.local.map(([path]) => path)).toEqual(['./v/x-1.tgz', 'v/dir', 'y.tgz']);
    expect(node(['dl-jobs'], root)).toBeNull();
    for (const spec of [
      'github:a/b',
      'git+ssh://git@host/x.git',
      'https://host/x.tgz',
      'a/b',
      'name@npm:other@1',
    ])
      expect(node([spec], root)?.local, spec).toEqual([]);
  });

  test('are the dependencies of a package.json, with the lock file beside it', () => {
    const root = folder({
      'app/package.json': JSON.stringify({
        name: 'app',
        version: '1.2.3',
        scripts: { prepare: 'exit 1' },
        dependencies: { a: '^1', local: 'file:../lib' },
        devDependencies: { vitest: '*' },
        overrides: { b: '2' },
      }),
      'lib/package.json': '{"name":"local"}',
    });
    const packages = node('app', root);
    expect(packages).toMatchObject({
      manifest: { dependencies: { a: '^1', local: 'file:../lib' }, overrides: { b: '2' } },
      specs: [],
      lock: null,
      folder: 'app',
      local: [['lib', expect.stringMatching(/^[0-9a-f]{16}$/)]],
    });
    expect(packages?.manifest).not.toHaveProperty('scripts');
    expect(packages?.manifest).not.toHaveProperty('devDependencies');
    put(join(root, 'app/package-lock.json'), '{"lockfileVersion":3}');
    expect(node('app/package.json', root)).toMatchObject({
      manifest: { devDependencies: { vitest: '*' } },
      lock: { name: 'package-lock.json', text: '{"lockfileVersion":3}' },
    });
  });

  test('are none where a package.json names none but ours', () => {
    const root = folder({ 'package.json': '{"dependencies":{"dl-jobs":"*"},"devDependencies":{"x":"1"}}' });
    expect(node('.', root)).toBeNull();
  });

  test.for([
    ['requirements.txt', 'x', 'expected a package.json for TypeScript and JavaScript tasks'],
    ['package.json', '{"a"', 'package.json is not JSON'],
    ['package.json', '[1]', 'to hold an object, got [1] (array)'],
    [
      'package.json',
      '{"workspaces":["a"],"dependencies":{"a":"1"}}',
      'expected a package without workspaces',
    ],
  ] as const)('that cannot be read are told: %s %s', ([name, text, message]) => {
    const root = folder({ [name]: text });
    expect(() => node(name, root)).toThrow(
      expect.objectContaining({ code: 'JOB_INVALID', message: expect.stringContaining(message) }),
    );
  });
});
