/** Argument lists of Python stay flat: they are asked for as tasks need them, and nobody holds them. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeProject } from '../support/project.js';
import { runPython } from '../support/python-program.js';
import { requires } from '../support/requires.js';
import { onLinux } from './processes.js';

const FILES = {
  'many.py': `
import sys
from dl_jobs.job import DLJob

def tiles(count):
    for i in range(count):
        yield {'index': i, 'name': 'tile %d' % i}
    # Who looks from outside may look too seldom to see the peak.
    with open('/proc/self/status') as status, open('peak-list', 'w') as peak:
        peak.write(status.read())

def job(count):
    return DLJob('tasks.tiles', 'index', args_list=tiles(count))

if __name__ == '__main__':
    print(job(int(sys.argv[1])).run(values=False).counts['ok'])
`,
  'peak.cjs': `
const { readFileSync, writeFileSync } = require('node:fs');
if (process.argv[1]?.endsWith('/dist/cli/bin.js'))
  process.on('exit', () => writeFileSync('peak-controller', readFileSync('/proc/self/status')));
`,
  'run/many.py': 'from many import job\ndef task(count):\n    return job(int(count))\n',
  'tasks/tiles.py': 'def index(tile):\n    return tile["index"]\n',
  'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\nworkers: 2\n',
};

interface Peaks {
  /** Of the Python process that has the list, KiB. */
  readonly list: number;
  /** Of the controller, KiB. */
  readonly controller: number;
}

async function peaks(count: number, isProgram: boolean): Promise<Peaks> {
  const project = makeProject(FILES);
  const how = { env: { NODE_OPTIONS: `--require ${project.path('peak.cjs')}` } };
  const result = isProgram
    ? await runPython(project, ['many.py', String(count)], how)
    : await project.run(['run', 'many', String(count)], how);
  expect(result.code, result.stderr).toBe(0);
  if (isProgram) expect(result.stdout).toBe(`${count}\n`);
  else expect(result.stderr).toContain(`${count} ok`);
  const peak = (name: string): number =>
    Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(project.path(name), 'utf8'))?.[1]);
  return { list: peak('peak-list'), controller: peak('peak-controller') };
}

describe('100,000 elements of a Python generator', requires('python3'), () => {
  test.each([
    ['a program', true],
    ['a job function', false],
  ] as const)(
    'in %s need hardly more memory than 10,000',
    { ...onLinux, timeout: 240_000 },
    async (_, isProgram) => {
      const small = await peaks(10_000, isProgram);
      const large = await peaks(100_000, isProgram);
      console.log(
        `peak KiB at 10k and 100k: list ${small.list} ${large.list}, controller ${small.controller} ${large.controller}`,
      );
      expect(small.list).toBeGreaterThan(0);
      expect(small.controller).toBeGreaterThan(0);
      // A list that is held has 20 MB at 100,000.
      expect(large.list / small.list).toBeLessThan(1.2);
      expect(large.controller / small.controller).toBeLessThan(1.4);
    },
  );
});
