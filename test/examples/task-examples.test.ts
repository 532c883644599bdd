import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { copyExample, removeFolders, shell } from '../docs/support.js';
import { requires } from '../support/requires.js';

afterAll(removeFolders);

const hasLibrary = ['torch', 'tensorflow'].some(
  (name) => spawnSync('python3', ['-c', `import ${name}`], { stdio: 'ignore' }).status === 0,
);

/** The only line of the only file in `folder`. */
function onlyLine(folder: string): Record<string, unknown> {
  const [name = ''] = readdirSync(folder);
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
}

const hasGpu = spawnSync('nvidia-smi', ['-L'], { stdio: 'ignore' }).status === 0;
const first = 'dl_jobs run task_examples.gpu 3';
const second = 'dl_jobs run task_examples.gpuWith 3 gpu_tf_ex platform_job=false';

describe("the seed's gpu job", requires('python3'), () => {
  const commands = hasGpu ? [first, second] : [`${first} --gpus 0`, `${second} gpus=0`];
  it.each(commands)(
    '%s computes, or says which library is missing',
    { timeout: 300_000 },
    async (command) => {
      const folder = copyExample('task_examples');
      const { code, output } = await shell(folder, command);
      if (hasLibrary) {
        expect(code, output).toBe(0);
        expect(onlyLine(join(folder, 'results'))).toMatchObject({ result: 27 });
      } else {
        expect(code, output).toBe(1);
        const line = onlyLine(join(folder, 'errors'));
        expect(line['ERROR']).toContain('neither torch nor tensorflow is installed');
        expect(line['FAILURE_TYPE']).toBe('returned');
      }
    },
  );

  it('says what to do on a machine without a GPU', { timeout: 300_000, skip: hasGpu }, async () => {
    const { code, output } = await shell(copyExample('task_examples'), first);
    expect(code, output).toBe(2);
    expect(output).toContain('--gpus 0');
  });
});
