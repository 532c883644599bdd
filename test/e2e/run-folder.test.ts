/** What lies in a run folder, by the words of its documented format alone. */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readShard } from '../../src/store/journal-reader.js';
import { makeProject } from '../support/project.js';
import { endsOf, runDir, shards, type Line } from './journal.js';

const FILES = {
  'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\nlog: false\n',
  'tasks/t.ts': `
    export function f({ i }: { i: number }) {
      if (i === 3) throw new Error('three');
      if (i === 4) console.log('four');
      if (i === 5) return { ERROR: 'five' };
      return { i, text: 'ü' };
    }`,
};

/** The keys that a line may have, in their order. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  shard: ['crc', 'v', 'k', 'run', 'w', 'at'],
  start: ['crc', 'v', 'k', 'r', 'h', 'b', 'p', 'a', 'at'],
  end: ['crc', 'v', 'k', 't', 'r', 'a', 's', 'ft', 'fin', 'at', 'd', 'cpu', 'rss', 'log', 'value', 'error'],
  ends: ['crc', 'v', 'k', 't', 'n', 'r', 'a', 'at', 'd', 'values'],
  event: ['crc', 'v', 'k', 'r', 'e', 'at'],
};

async function run(count: number): Promise<string> {
  const project = makeProject({
    ...FILES,
    'a.ndjson': Array.from(
      { length: count },
      (_, i) => `${JSON.stringify({ i, pad: 'ü'.repeat(i % 7) })}\n`,
    ).join(''),
  });
  const { code, stderr } = await project.run(['map', 'tasks.t.f', '--args_list', 'a.ndjson']);
  expect(code, stderr).toBe(1);
  return runDir(project.dir);
}

function checkLines(lines: readonly Line[], texts: readonly string[]): void {
  lines.forEach((line, i) => {
    const order = KEYS[line.k] as readonly string[];
    const keys = Object.keys(line).filter((key) => line.k !== 'event' || order.includes(key));
    expect(keys).toEqual(order.filter((key) => Object.hasOwn(line, key)));
    expect(line.v).toBe(1);
    // No white space outside of texts: what JSON.stringify gives is the line itself.
    expect(JSON.stringify(line)).toBe(texts[i]);
  });
}

describe('the run folder', () => {
  test('holds shards of whole, sealed lines with their keys in order', async () => {
    const dir = await run(3000);
    const found = shards(dir);
    expect(found).toHaveLength(1);
    const [{ name, lines, texts }] = found as [(typeof found)[0]];
    const id = dir.slice(dir.lastIndexOf('/') + 1);
    expect(lines[0]).toMatchObject({ v: 1, k: 'shard', run: id, w: name.replace('.ndjson', '') });
    expect(lines.slice(1).every((line) => line.k !== 'shard')).toBe(true);
    checkLines(lines, texts);
    // Each task is in one `start` line, before its `end`.
    const begun = new Set<number>();
    for (const line of lines) {
      if (line.k === 'start') {
        for (const [first, count] of line['p'] as [number, number][]) {
          for (let t = first; t < first + count; t++) begun.add(t);
        }
      } else for (const { t } of endsOf(line)) expect(begun.has(t)).toBe(true);
    }
    expect(begun.size).toBe(3000);
    const all = lines.flatMap(endsOf);
    expect(all).toHaveLength(3000);
    const byTask = new Map(all.map((end) => [end.t, end]));
    expect(byTask.size).toBe(3000);
    for (const { t, value } of all) if (t < 3 || t > 5) expect(value).toEqual({ i: t, text: 'ü' });
    expect(byTask.get(3)).toMatchObject({
      s: 'error',
      ft: 'exception',
      error: { type: 'Error', message: 'three' },
    });
    expect(byTask.get(4)).toMatchObject({
      s: 'ok',
      log: [expect.any(Number), expect.any(Number), expect.any(Number)],
    });
    expect(byTask.get(5)).toMatchObject({ s: 'error', ft: 'returned', value: { ERROR: 'five' } });
    const events = lines.filter((line) => line.k === 'event').map((line) => line['e']);
    expect(events).toEqual(['round-started', 'sealed', 'round-ended']);
    // The log range is the task's output, byte for byte.
    const [host, from, to] = byTask.get(4)?.log as [number, number, number];
    const log = readFileSync(join(dir, 'logs', `${name.replace('.ndjson', '')}-${host}.log`));
    expect(log.subarray(from, to).toString()).toBe('four\n');
    // Files: O(workers), never O(tasks).
    for (const folder of ['args', 'journal', 'logs', 'rounds', 'requests'])
      expect(readdirSync(join(dir, folder)).length).toBeLessThan(10);
  });

  test('holds one line for many tiny tasks', async () => {
    const project = makeProject({
      ...FILES,
      'tasks/t.ts': 'export function f(i: number) { return i % 7 === 0 ? null : { i }; }',
      'run/j.ts': `import { DLJob } from 'dl-jobs';
        export const task = () => new DLJob({ moduleName: 'tasks.t', methodName: 'f', argsList: 5000 });`,
    });
    const { code, stderr } = await project.run(['run', 'j']);
    expect(code, stderr).toBe(0);
    const [{ lines, texts }] = shards(runDir(project.dir)) as [ReturnType<typeof shards>[0]];
    checkLines(lines, texts);
    const many = lines.filter((line) => line.k === 'ends');
    expect(many.length).toBeGreaterThan(0);
    for (const line of many) expect(line).toMatchObject({ r: 1, a: 1, n: (line['values'] as []).length });
    const all = lines.flatMap(endsOf).sort((a, b) => a.t - b.t);
    expect(all.map(({ t, value }) => [t, value])).toEqual(
      Array.from({ length: 5000 }, (_, i) => [i, i % 7 === 0 ? null : { i }]),
    );
  });

  test('holds the arguments, their index and their seal', async () => {
    const dir = await run(3000);
    const bytes = readFileSync(join(dir, 'args/args.ndjson'));
    expect(JSON.parse(readFileSync(join(dir, 'args/sealed.json'), 'utf8'))).toEqual({
      version: 1,
      count: 3000,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    const lines = bytes.toString('utf8').slice(0, -1).split('\n');
    expect(lines).toHaveLength(3000);
    lines.forEach((line, i) => expect((JSON.parse(line) as { i: number }).i).toBe(i));
    const index = readFileSync(join(dir, 'args/args.idx'));
    const offsets: number[] = [];
    for (let at = 0; at < index.length; at += 8) offsets.push(Number(index.readBigUInt64LE(at)));
    expect(offsets).toEqual(
      [0, 1024, 2048].map((n) =>
        Buffer.byteLength(
          lines
            .slice(0, n)
            .map((line) => `${line}\n`)
            .join(''),
        ),
      ),
    );
  });

  test('holds run.json, round.json and no lock once it is done', async () => {
    const dir = await run(10);
    expect(JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8'))).toMatchObject({
      version: 1,
      id: dir.slice(dir.lastIndexOf('/') + 1),
      group: expect.stringMatching(/^\d{8}T\d{6}\.\d{3}-[0-9a-f]{6}$/),
      groupIndex: 0,
      groupSize: 1,
      spec: { moduleName: 'tasks.t', methodName: 'f', language: 'node', call: 'each', platform: 'local' },
    });
    const round = JSON.parse(readFileSync(join(dir, 'rounds/1/round.json'), 'utf8')) as { code: string };
    expect(round).toMatchObject({ version: 1, round: 1, platform: 'local', work: 'all' });
    expect(existsSync(join(dir, 'code', round.code, 'tasks/t.ts'))).toBe(true);
    expect(existsSync(join(dir, 'lock'))).toBe(false);
  });

  test('a count needs no file of arguments', async () => {
    const project = makeProject({
      ...FILES,
      'run/j.ts': `import { DLJob } from 'dl-jobs';
        export const task = () => new DLJob({ moduleName: 'tasks.t', methodName: 'f', argsList: 12 });`,
    });
    await project.run(['run', 'j']);
    const dir = runDir(project.dir);
    expect(readdirSync(join(dir, 'args'))).toEqual(['sealed.json']);
    expect(JSON.parse(readFileSync(join(dir, 'args/sealed.json'), 'utf8'))).toEqual({
      version: 1,
      count: 12,
      range: 12,
    });
  });
});

describe('a shard whose end is torn', () => {
  const read = (path: string) =>
    Buffer.concat([...readShard(path)].map(({ lines }) => lines)).toString('utf8');

  test('is read up to its last whole line', async () => {
    const dir = await run(10);
    const path = join(dir, 'journal', shards(dir)[0]?.name as string);
    const whole = readFileSync(path);
    const lastLine = whole.subarray(0, -1).lastIndexOf(10) + 1;
    const before = whole.subarray(0, lastLine).toString('utf8');
    for (const cut of [1, 2, 9, whole.length - lastLine - 1]) {
      writeFileSync(path, whole);
      truncateSync(path, whole.length - cut);
      expect(read(path)).toBe(before);
    }
    // NULs where the line was to be, as a crashed file system leaves them; and a line whose checksum does not fit.
    for (const tail of ['\0'.repeat(100), '\0'.repeat(50) + '\n', '{"crc":"00000000","v":1}\n']) {
      writeFileSync(path, whole);
      appendFileSync(path, tail);
      expect(read(path)).toBe(whole.toString('utf8'));
    }
  });

  test('is damage when valid lines follow the broken one', async () => {
    const dir = await run(10);
    const path = join(dir, 'journal', shards(dir)[0]?.name as string);
    const bytes = readFileSync(path);
    const second = bytes.indexOf(10) + 1;
    bytes[second + 30] = (bytes[second + 30] as number) ^ 1;
    writeFileSync(path, bytes);
    expect(() => read(path)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_DAMAGED', message: expect.stringContaining(path) }),
    );
  });
});
