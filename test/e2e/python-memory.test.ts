/** Argument lists of Python stay flat: they are asked for as tasks need them, and nobody holds them. */
import { describe, expect, test } from 'vitest';
import { bin, makeProject, type RunOptions } from '../support/project.js';
import { runPython } from '../support/python-program.js';
import { requires } from '../support/requires.js';
import { onLinux, peakMemory, tree } from './processes.js';

const FILES = {
  'many.py': `
import sys
from dl_jobs.job import DLJob

def tiles(count):
    for i in range(count):
        yield {'index': i, 'name': 'tile %d' % i}

def job(count):
    return DLJob('tasks.tiles', 'index', args_list=tiles(count))

if __name__ == '__main__':
    print(job(int(sys.argv[1])).run(values=False).counts['ok'])
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
  let [list, controller] = [0, 0];
  let timer: NodeJS.Timeout | undefined;
  const onStart: RunOptions['onStart'] = (child) => {
    const look = (): void => {
      for (const { pid, command } of tree(child.pid as number)) {
        if (command.includes(bin)) controller = Math.max(controller, peakMemory(pid));
        else if (command.includes('many.py') || command.includes('_define.py'))
          list = Math.max(list, peakMemory(pid));
      }
    };
    timer = setInterval(look, 20);
  };
  const result = isProgram
    ? await runPython(project, ['many.py', String(count)], { onStart })
    : await project.run(['run', 'many', String(count)], { onStart });
  clearInterval(timer);
  expect(result.code, result.stderr).toBe(0);
  if (isProgram) expect(result.stdout).toBe(`${count}\n`);
  else expect(result.stderr).toContain(`${count} ok`);
  return { list, controller };
}

describe('100,000 elements of a Python generator', requires('python3'), () => {
  test.each([
    ['a program', true],
    ['a job function', false],
  ] as const)(
    'in %s need hardly more memory than 10,000',
    { ...onLinux, timeout: 120_000 },
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
