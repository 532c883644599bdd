/** What says whether a component is there must notice that a part of it is not. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { asRoot, requires } from '../support/requires.js';

const ends = ([command, ...args]: readonly [string, ...string[]]): number | null =>
  spawnSync(command, args, { stdio: 'ignore' }).status;

test('a command that is missing among others is missed', requires('slurm'), () => {
  expect(ends(asRoot('sh', 'ls', 'cat'))).toBe(0);
  expect(ends(asRoot('no-such-command', 'ls', 'cat'))).not.toBe(0);
  expect(ends(asRoot('sh', 'no-such-command', 'cat'))).not.toBe(0);
  expect(ends(asRoot('sh', 'ls', 'no-such-command'))).not.toBe(0);
});
