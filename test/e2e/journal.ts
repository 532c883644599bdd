/** Reads a run folder by the words of its documented format alone, with none of the product's code. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** A journal line, as parsed. */
export interface Line {
  readonly crc: string;
  readonly v: number;
  readonly k: string;
  readonly [key: string]: unknown;
}

/** An `end` record. */
export interface End extends Line {
  readonly t: number;
  readonly s: 'ok' | 'error';
  readonly ft?: string;
  readonly fin?: false;
  readonly log?: readonly [number, number, number];
  readonly value?: unknown;
  readonly error?: {
    type: string;
    message: string;
    stack?: string;
    exitCode?: number;
    signal?: string;
  };
}

/** The folders of all runs of the project at `dir`, oldest first. */
export function runDirs(dir: string): string[] {
  const runs = join(dir, 'dl_jobs/runs');
  return readdirSync(runs)
    .sort()
    .map((name) => join(runs, name));
}

/** The one run of a project. */
export function runDir(project: string): string {
  const [dir, ...more] = runDirs(project);
  if (dir === undefined || more.length > 0) throw new Error(`expected one run, got ${more.length + 1}`);
  return dir;
}

/**
 * Each shard of a run: its file name, and its lines, whose checksums and line ends are checked.
 *
 * @param wasKilled - a process that wrote one may have been killed in the middle of a line, which does not count then
 */
export function shards(dir: string, wasKilled = false): { name: string; lines: Line[]; texts: string[] }[] {
  const folder = join(dir, 'journal');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .map((name) => {
      const bytes = readFileSync(join(folder, name));
      if (bytes.at(-1) !== 10 && !wasKilled) throw new Error(`${name}: the last line has no end`);
      const texts = bytes.toString('utf8').split('\n').slice(0, -1);
      const lines = texts.map((text, index) => {
        const line = JSON.parse(text) as Line;
        const body = Buffer.from(text, 'utf8').subarray(18);
        if (crc32(body).toString(16).padStart(8, '0') !== line.crc) {
          throw new Error(`${name}:${index + 1}: checksum does not fit: ${text.slice(0, 200)}`);
        }
        return line;
      });
      return { name, lines, texts };
    });
}

/** All records of a run. */
export function records(dir: string): Line[] {
  return shards(dir).flatMap(({ lines }) => lines);
}

/** What a line says of single tasks: an `end` record itself, an `ends` record as the `end` records that it stands for. */
export function endsOf(line: Line): End[] {
  if (line.k === 'end') return [line as End];
  if (line.k !== 'ends') return [];
  const { t, n, values, ...shared } = line as Line & { t: number; n: number; values: readonly unknown[] };
  if (values.length !== n) throw new Error(`${n} tasks with ${values.length} values`);
  return values.map((value, i) => ({ ...shared, k: 'end', t: t + i, s: 'ok', value }));
}

/** How each attempt of a run ended. */
export function ends(dir: string): End[] {
  return records(dir).flatMap(endsOf);
}
