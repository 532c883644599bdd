/** The example of this repository gives the same on each platform as on this machine. */
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { copyExample, shell } from '../../docs/support.js';
import { requires } from '../../support/requires.js';

export function countriesCase(platform: string, env: () => Readonly<Record<string, string>>): void {
  describe.concurrent('the countries example', () => {
    test('gives the same lines as here', requires('python3'), async () => {
      const folder = copyExample('countries');
      const assignments = Object.entries(env()).map(([name, value]) => `export ${name}='${value}'\n`);
      const run = async (words: string, file: string): Promise<string[]> => {
        const { code, output } = await shell(folder, `${assignments.join('')}dl_jobs run ${words}`);
        expect(code, output).toBe(0);
        const path = join(folder, 'results', file);
        return readFileSync(path, 'utf8').trimEnd().split('\n').sort();
      };
      const there = ['--platform', platform, '--workers', '3', '--max_workers', '3'].join(' ');
      const tiles = await run('countries.tiles 4 --dev true', 'countries.ndjson');
      const summary = await run('countries.summary --dev true', 'summary.ndjson');
      expect(tiles.length).toBeGreaterThan(170);
      expect(summary).toHaveLength(tiles.length);
      for (const name of ['countries', 'summary'])
        renameSync(join(folder, `results/${name}.ndjson`), join(folder, `${name}.here.ndjson`));
      expect(await run(`countries.tiles 4 ${there}`, 'countries.ndjson')).toEqual(tiles);
      expect(await run(`countries.summary ${there}`, 'summary.ndjson')).toEqual(summary);
      const { output } = await shell(folder, `dl_jobs runs --json`);
      const platforms = output
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { platform: string }).platform);
      expect(platforms).toEqual(['local', 'local', platform, platform]);
    });
  });
}
