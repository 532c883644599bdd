/** The example of this repository gives the same on each platform as on this machine. */
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { copyExample } from '../../docs/support.js';
import { bin, runProcess } from '../../support/project.js';
import type { Cases } from './cases.js';

export function countriesCase(cases: Cases): void {
  const { platform } = cases;

  describe.concurrent('the countries example', () => {
    const tilesThere = cases.part('gives the same tiles as here', ['node']);
    cases.test('gives the same lines as here', ['python'], async () => {
      const cwd = copyExample('countries');
      const call = async (...args: string[]): Promise<string> => {
        const ran = await runProcess(process.execPath, [bin, ...args], { cwd, env: cases.ground.env });
        expect(ran.code, ran.stderr).toBe(0);
        return ran.stdout;
      };
      const lines = (name: string): string[] =>
        readFileSync(join(cwd, 'results', `${name}.ndjson`), 'utf8')
          .trimEnd()
          .split('\n')
          .sort();
      const there = ['--platform', platform, '--workers', '3', '--max_workers', '3'];
      await call('run', 'countries.tiles', '4', '--dev', 'true');
      await call('run', 'countries.summary', '--dev', 'true');
      const tiles = lines('countries');
      const summary = lines('summary');
      expect(tiles.length).toBeGreaterThan(170);
      expect(summary).toHaveLength(tiles.length);
      const setAside = (name: string): void =>
        renameSync(join(cwd, `results/${name}.ndjson`), join(cwd, `${name}.here.ndjson`));

      if (tilesThere) {
        setAside('countries');
        await call('run', 'countries.tiles', '4', ...there);
        expect(lines('countries')).toEqual(tiles);
      }
      setAside('summary');
      await call('run', 'countries.summary', ...there);
      expect(lines('summary')).toEqual(summary);
      const runs = (await call('runs', '--json')).trimEnd().split('\n');
      const platforms = runs.map((line) => (JSON.parse(line) as { platform: string }).platform);
      expect(platforms).toEqual(['local', 'local', ...(tilesThere ? [platform] : []), platform]);
    });
  });
}
