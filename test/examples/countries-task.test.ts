import { describe, expect, it } from 'vitest';
import { countryIds, cover, tileCover } from '../../examples/countries/tasks/country.js';

const byName = new Map(countryIds().map((id) => [cover({ id, zoom: 0 }).name, id]));
const at = (name: string, zoom: number) => {
  const id = byName.get(name);
  if (id === undefined) throw new Error(`no country ${name}`);
  return cover({ id, zoom });
};
const columns = (tiles: readonly string[]): Set<number> =>
  new Set(tiles.map((tile) => Number(tile.split('/')[1])));
const rows = (tiles: readonly string[]): Set<number> =>
  new Set(tiles.map((tile) => Number(tile.split('/')[2])));

describe('the countries task', () => {
  it('knows every country of the atlas by an id of its own', () => {
    expect(countryIds()).toHaveLength(177);
    expect(byName.size).toBe(177);
  });

  // Land areas in 1,000 km². The outline is coarse (1:110m), so a few percent are allowed.
  it.each([
    ['Brazil', 8_500, 0.03],
    ['Russia', 16_900, 0.03],
    ['United States of America', 9_450, 0.04],
    ['Australia', 7_700, 0.03],
    ['Fiji', 18.3, 0.15],
    ['South Africa', 1_220, 0.03],
    ['Antarctica', 12_300, 0.05],
    ['Switzerland', 41.3, 0.15],
  ])('measures %s as about %d thousand km²', (name, thousandKm2, tolerance) => {
    const ratio = at(name, 0).areaKm2 / (thousandKm2 * 1000);
    expect(ratio).toBeGreaterThan(1 - tolerance);
    expect(ratio).toBeLessThan(1 + tolerance);
  });

  it('adds up to the land of the earth, 149 million km², within two percent', () => {
    const sum = countryIds().reduce((total, id) => total + cover({ id, zoom: 0 }).areaKm2, 0);
    expect(sum / 149e6).toBeGreaterThan(0.98);
    expect(sum / 149e6).toBeLessThan(1.02);
  });

  it('covers the world with one tile at zoom 0', () => {
    for (const id of countryIds()) expect(cover({ id, zoom: 0 }).tiles).toEqual(['0/0/0']);
  });

  it('covers Switzerland at zoom 7 with the four tiles that its box spans', () => {
    expect([...at('Switzerland', 7).tiles].sort()).toEqual(['7/66/44', '7/66/45', '7/67/44', '7/67/45']);
  });

  it('keeps Fiji on both sides of the antimeridian and nowhere else', () => {
    const fiji = at('Fiji', 6);
    expect([...columns(fiji.tiles)].sort()).toEqual([0, 63]);
    expect(Math.abs(fiji.centroid[0])).toBeGreaterThan(176);
  });

  it('carries Russia over the antimeridian without the west of Alaska or the Atlantic', () => {
    const russia = at('Russia', 5);
    const used = columns(russia.tiles);
    expect(used.has(0)).toBe(true);
    expect(used.has(31)).toBe(true);
    // -169° is the easternmost point; Kaliningrad, at 19.7° E, the westernmost.
    for (let x = 1; x < 17; x++) expect(used.has(x)).toBe(false);
    expect(russia.centroid[0]).toBeGreaterThan(60);
  });

  it('rings the pole: Antarctica has every tile of the last row and none north of 60° S', () => {
    const antarctica = at('Antarctica', 5);
    expect(antarctica.tiles.filter((tile) => tile.endsWith('/31'))).toHaveLength(32);
    expect(Math.min(...rows(antarctica.tiles))).toBeGreaterThanOrEqual(22);
    expect(antarctica.centroid[1]).toBeLessThan(-65);
  });

  it('has each tile once, inside the world, and under a tile of the zoom above', () => {
    for (const id of countryIds()) {
      const { tiles } = cover({ id, zoom: 5 });
      const parents = new Set(cover({ id, zoom: 4 }).tiles);
      expect(new Set(tiles).size).toBe(tiles.length);
      for (const tile of tiles) {
        const [z = -1, x = -1, y = -1] = tile.split('/').map(Number);
        expect(z).toBe(5);
        expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
        expect(Math.max(x, y)).toBeLessThan(32);
        expect(parents).toContain(`4/${x >> 1}/${y >> 1}`);
      }
    }
  });

  it('follows the outline: a triangle leaves out the tiles of the other half of its box', () => {
    const triangle = [
      [
        [1, 1],
        [89, 1],
        [1, 60],
        [1, 1],
      ],
    ];
    const tiles = tileCover({ type: 'MultiPolygon', coordinates: [triangle] }, 4);
    expect(tiles).toContain('4/8/7');
    expect(tiles).toContain('4/11/7');
    expect(tiles).not.toContain('4/11/4');
  });

  it('does not count a tile that a country only touches', () => {
    const square = [
      [
        [0, 0],
        [90, 0],
        [90, 50],
        [0, 50],
        [0, 0],
      ],
    ];
    expect(tileCover({ type: 'MultiPolygon', coordinates: [square] }, 2)).toEqual(['2/2/1']);
  });

  it('refuses what is no country and what is no zoom', () => {
    expect(() => cover({ id: 'Atlantis', zoom: 3 })).toThrow('expected the id of a country, got `Atlantis`');
    expect(() => cover({ id: '076', zoom: NaN })).toThrow('expected a zoom from 0 to 12, got `NaN`');
    expect(() => cover({ id: '__proto__', zoom: 1 })).toThrow('country');
  });
});
