/**
 * One country of Natural Earth (npm package `world-atlas`, 1:110m): its land area, its centroid and the web-mercator
 * tiles that cover it.
 *
 * The atlas stores rings as curves on the sphere: Russia and Fiji step over the antimeridian, Antarctica runs around
 * the pole. Every ring is therefore unrolled into one continuous range of longitudes before anything is computed.
 */
import { createRequire } from 'node:module';
import { area } from '@turf/area';
import { bbox } from '@turf/bbox';
import { booleanIntersects } from '@turf/boolean-intersects';
import { centroid } from '@turf/centroid';
import type { Feature, MultiPolygon, Polygon, Position } from 'geojson';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';

/** What a task is given: a country and the zoom level of the tiles. */
export interface CountryTask {
  /** ISO 3166-1 numeric code, or the name where Natural Earth has no code. */
  readonly id: string;
  readonly zoom: number;
}

/** What a task returns: one line of the results file. */
export interface CountryCover {
  readonly id: string;
  readonly name: string;
  /** Land area in km², on a sphere. */
  readonly areaKm2: number;
  /** Longitude and latitude in degrees: the mean of the outline's vertices. */
  readonly centroid: readonly [lon: number, lat: number];
  readonly zoom: number;
  /** Tiles as `zoom/x/y`, y counted from the north. */
  readonly tiles: readonly string[];
}

type Country = Feature<Polygon | MultiPolygon, { name: string }>;
type Rings = Position[][];

/** Web mercator ends here: the latitude at which the world becomes a square. */
const MAX_LATITUDE = 85.0511287798066;
/** A tile that a country only touches is not part of its cover (degrees; 0.1 mm on the ground). */
const TOUCH = 1e-9;

let atlas: Map<string, Country> | undefined;

/** All countries by id, read once a process, when first asked for. */
function countries(): Map<string, Country> {
  if (atlas) return atlas;
  const require = createRequire(import.meta.url);
  const topology = require('world-atlas/countries-110m.json') as Topology<{
    countries: GeometryCollection<{ name: string }>;
  }>;
  const { features } = feature(topology, topology.objects.countries);
  atlas = new Map(features.map((one) => [String(one.id ?? one.properties.name), one as Country]));
  return atlas;
}

/** The ids of all countries of the atlas. */
export function countryIds(): string[] {
  return [...countries().keys()];
}

/**
 * The task: area, centroid and tile cover of one country.
 *
 * @throws Error when the atlas has no such country, or the zoom is not a whole number from 0 to 12.
 */
export function cover({ id, zoom }: CountryTask): CountryCover {
  const country = countries().get(id);
  if (!country) throw new Error(`expected the id of a country, got \`${id}\``);
  if (!Number.isInteger(zoom) || zoom < 0 || zoom > 12) {
    throw new Error(`expected a zoom from 0 to 12, got \`${zoom}\``);
  }
  const land = unroll(country.geometry);
  const [lon, lat] = centroid(land).geometry.coordinates as [number, number];
  return {
    id,
    name: country.properties.name,
    areaKm2: Math.round(area(land) / 1e6),
    centroid: [round(wrap(lon)), round(lat)],
    zoom,
    tiles: tileCover(land, zoom),
  };
}

/**
 * The same polygons on a plane: longitudes of a ring are continuous and may leave [-180, 180], all polygons lie beside
 * the largest one, and a ring around a pole is closed by way of that pole.
 */
export function unroll(geometry: Polygon | MultiPolygon): MultiPolygon {
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
  const flat = polygons.map((rings) => alignHoles(rings.map(unrollRing)));
  const largest = flat.reduce((a, b) => (polygonArea(b) > polygonArea(a) ? b : a));
  return { type: 'MultiPolygon', coordinates: flat.map((rings) => moveBeside(rings, middle(largest))) };
}

/** The tiles of `land` at `zoom`, found by descending only into tiles that the land overlaps. */
export function tileCover(land: MultiPolygon, zoom: number): string[] {
  const found = new Set<string>();
  for (const rings of land.coordinates) {
    const polygon: Polygon = { type: 'Polygon', coordinates: rings };
    const box = bbox(polygon);
    // Unrolled land may lie in up to three copies of the world; their tiles are the same.
    for (const offset of [-360, 0, 360]) descend(polygon, box, offset, 0, 0, 0, zoom, found);
  }
  return [...found];
}

function descend(
  polygon: Polygon,
  box: readonly number[],
  offset: number,
  z: number,
  x: number,
  y: number,
  zoom: number,
  found: Set<string>,
): void {
  const [west, south, east, north] = tileBounds(z, x, y, offset);
  const [left = 0, bottom = 0, right = 0, top = 0] = box;
  if (east <= left || west >= right || north <= bottom || south >= top) return;
  const tile: Polygon = {
    type: 'Polygon',
    coordinates: [
      [
        [west, south],
        [east, south],
        [east, north],
        [west, north],
        [west, south],
      ],
    ],
  };
  if (!booleanIntersects(tile, polygon)) return;
  if (z === zoom) {
    found.add(`${z}/${x}/${y}`);
    return;
  }
  for (const [dx, dy] of [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ] as const) {
    descend(polygon, box, offset, z + 1, 2 * x + dx, 2 * y + dy, zoom, found);
  }
}

/** West, south, east, north of a tile in degrees, shrunk by {@link TOUCH}. */
function tileBounds(z: number, x: number, y: number, offset: number): [number, number, number, number] {
  const n = 2 ** z;
  const latitude = (row: number): number => {
    const degrees = (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / n))) * 180) / Math.PI;
    return Math.max(-MAX_LATITUDE, Math.min(MAX_LATITUDE, degrees));
  };
  const west = (x / n) * 360 - 180 + offset;
  const east = ((x + 1) / n) * 360 - 180 + offset;
  return [west + TOUCH, latitude(y + 1) + TOUCH, east - TOUCH, latitude(y) - TOUCH];
}

function unrollRing(ring: Position[]): Position[] {
  const out: Position[] = [];
  let shift = 0;
  let before: number | undefined;
  for (const [lon = 0, lat = 0] of ring) {
    if (before !== undefined) {
      if (lon - before > 180) shift -= 360;
      else if (lon - before < -180) shift += 360;
    }
    before = lon;
    out.push([lon + shift, lat]);
  }
  const first = out[0];
  const last = out.at(-1);
  if (!first || !last) return out;
  // A ring that ends a full turn from where it began runs around a pole: the nearer one belongs to it.
  if (Math.abs((last[0] ?? 0) - (first[0] ?? 0)) > 180) {
    const pole = out.reduce((sum, [, lat = 0]) => sum + lat, 0) < 0 ? -90 : 90;
    out.push([last[0] ?? 0, pole], [first[0] ?? 0, pole], [...first]);
  }
  return out;
}

/** Holes are unrolled on their own: bring each to the copy of the world that its polygon is in. */
function alignHoles(rings: Rings): Rings {
  const [outer, ...holes] = rings;
  if (!outer) return rings;
  return [outer, ...holes.flatMap((hole) => moveBeside([hole], middle([outer])))];
}

function moveBeside(rings: Rings, longitude: number): Rings {
  const shift = 360 * Math.round((longitude - middle(rings)) / 360);
  return shift === 0 ? rings : rings.map((ring) => ring.map(([lon = 0, lat = 0]) => [lon + shift, lat]));
}

function middle(rings: Rings): number {
  const [west = 0, , east = 0] = bbox({ type: 'Polygon', coordinates: rings });
  return (west + east) / 2;
}

function polygonArea(rings: Rings): number {
  return area({ type: 'Polygon', coordinates: rings });
}

function wrap(lon: number): number {
  return ((((lon + 180) % 360) + 360) % 360) - 180;
}

function round(degrees: number): number {
  return Math.round(degrees * 1e4) / 1e4;
}
