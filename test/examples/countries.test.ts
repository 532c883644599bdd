import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { countryIds, type CountryCover } from '../../examples/countries/tasks/country.js';
import { copyExample, removeFolders, shell } from '../docs/support.js';
import { requires } from '../support/requires.js';

afterAll(removeFolders);

interface Density {
  readonly name: string;
  readonly hemisphere: string;
  readonly tiles: number;
  readonly km2_per_tile: number;
}

function readLines<T>(folder: string, name: string): T[] {
  const text = readFileSync(join(folder, 'results', name), 'utf8');
  return text.split('\n', text.split('\n').length - 1).map((line) => JSON.parse(line) as T);
}

it(
  'computes every country of the atlas, then summarises them in Python, as often as one likes',
  { timeout: 300_000, ...requires('python3') },
  async () => {
    const folder = copyExample('countries');
    for (let round = 0; round < 2; round++) {
      const tiles = await shell(folder, 'dl_jobs run countries.tiles 5');
      expect(tiles.code, tiles.output).toBe(0);
      const countries = readLines<CountryCover>(folder, 'countries.ndjson');
      expect(countries.map((country) => country.id).sort()).toEqual(countryIds().sort());
      expect(countries.every((country) => country.zoom === 5 && country.tiles.length > 0)).toBe(true);
      const brazil = countries.find((country) => country.name === 'Brazil');
      expect(brazil?.areaKm2).toBeGreaterThan(8.2e6);
      expect(brazil?.areaKm2).toBeLessThan(8.8e6);
    }

    const summary = await shell(folder, 'dl_jobs run countries.summary');
    expect(summary.code, summary.output).toBe(0);
    const densities = readLines<Density>(folder, 'summary.ndjson');
    expect(densities).toHaveLength(countryIds().length);
    expect(densities.find((one) => one.name === 'Brazil')?.hemisphere).toBe('SW');
    expect(densities.find((one) => one.name === 'Russia')?.hemisphere).toBe('NE');
  },
);

it('refuses a zoom that is no number with an error line for each country', { timeout: 300_000 }, async () => {
  const folder = copyExample('countries');
  const { code } = await shell(folder, 'dl_jobs run countries.tiles five --limit 3');
  expect(code).toBe(1);
});
