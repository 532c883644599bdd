/** Arguments that are too large are refused before anything is sent. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { refuseLargeArguments } from '../../src/platforms/earthone/longest-argument.js';

test.each([
  ['none there', null, null],
  ['small ones', '1\n{"a":2}\n'.repeat(200_000), null],
  ['one of just that size', `1\n"${'x'.repeat(999_998)}"\n2\n`, null],
  ['a larger one', `1\n2\n"${'x'.repeat(999_999)}"\n3\n`, 2],
  [
    'a larger one across the pieces that are read',
    `${`"${'y'.repeat(900_000)}"\n`.repeat(3)}"${'x'.repeat(2_000_000)}"\n`,
    3,
  ],
] as const)('%s', (_name, text, task) => {
  const path = join(mkdtempSync(join(tmpdir(), 'dl-jobs-large-')), 'args.ndjson');
  if (text !== null) writeFileSync(path, text);
  const check = (): void => refuseLargeArguments(path);
  if (task === null) expect(check).not.toThrow();
  else expect(check).toThrow(`task ${task}`);
});
