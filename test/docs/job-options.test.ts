/** The table of options in docs/jobs.md names those that there are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { OPTION_SETTINGS, OWN_OPTIONS } from '../../src/job/options.js';
import { ROOT } from './markdown.js';

const section = /^## Options$(.*?)^## /ms.exec(readFileSync(join(ROOT, 'docs/jobs.md'), 'utf8'))?.[1] ?? '';
const named = section
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name));

it('docs/jobs.md has each option of a job in one row, and no other', () => {
  expect([...named].sort()).toEqual(
    [...Object.keys(OPTION_SETTINGS), ...Object.keys(OWN_OPTIONS)].sort((a, b) => (a < b ? -1 : 1)),
  );
});
