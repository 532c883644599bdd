import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/base/errors.js';
import { repoRoot } from '../support/project.js';

/** Heading → text of its section. */
function sections(): Map<string, string> {
  const [, ...parts] = readFileSync(join(repoRoot, 'docs/errors.md'), 'utf8').split(/^## /m);
  return new Map(
    parts.map((part) => {
      const [heading = '', ...body] = part.split('\n');
      return [heading.replaceAll('`', '').trim(), body.join('\n')];
    }),
  );
}

describe('docs/errors.md', () => {
  test('has one section for each error code, in the order of the table', () => {
    expect([...sections().keys()]).toEqual(Object.keys(ERROR_CODES));
  });

  test('says with each code its exit code and what to do', () => {
    const wrong = Object.entries(ERROR_CODES)
      .filter(([code, exit]) => {
        const text = sections().get(code) ?? '';
        return !text.includes(`Exit code ${exit}.`) || !/^\*\*What to do\.\*\* \S/m.test(text);
      })
      .map(([code]) => code);
    expect(wrong).toEqual([]);
  });
});
