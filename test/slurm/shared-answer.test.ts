/** One question for many processes. Those are real ones, and each question leaves a line in a file. */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SharedAnswer, type SharedAnswerOptions } from '../../src/platforms/slurm/shared-answer.js';
import { repoRoot } from '../support/project.js';

const HOUR = 3_600_000;

const folder = (): string => mkdtempSync(join(tmpdir(), 'dl-shared ü-'));
const lines = (path: string): string[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

/** As many observers as processes, but in this one. */
function observer(dir: string, more: Partial<SharedAnswerOptions<string>> = {}): SharedAnswer<string> {
  return new SharedAnswer({
    path: join(dir, 'cache', 'answer.json'),
    ask: () => {
      appendFileSync(join(dir, 'asked'), 'x\n');
      return Promise.resolve(`answer ${lines(join(dir, 'asked')).length}`);
    },
    everyMs: HOUR,
    delays: [HOUR],
    patienceMs: 20_000,
    ...more,
  });
}

describe('an answer', () => {
  test('is asked for once, by whoever comes first', async () => {
    const dir = folder();
    const all = await Promise.all(Array.from({ length: 8 }, async () => await observer(dir).get()));
    expect(new Set(all.map(({ answer }) => answer))).toEqual(new Set(['answer 1']));
    expect(all.every(({ failures, ageMs }) => failures === 0 && ageMs >= 0 && ageMs < HOUR)).toBe(true);
    expect(lines(join(dir, 'asked'))).toHaveLength(1);
    expect(readdirSync(join(dir, 'cache'))).toEqual(['answer.json']);
  });

  test('is asked for anew when it is too old, and then all have the new one', async () => {
    const dir = folder();
    await observer(dir).get();
    const [first, second] = [observer(dir, { everyMs: 0 }), observer(dir)];
    expect((await first.get()).answer).toBe('answer 2');
    expect((await first.get()).answer).toBe('answer 3');
    expect((await second.get()).answer).toBe('answer 3');
  });

  test('that nobody gives is not asked for again at once; the last one stays, and its age is told', async () => {
    const dir = folder();
    await observer(dir).get();
    // Its age is to be seen.
    await new Promise((resolve) => setTimeout(resolve, 5));
    let asked = 0;
    const silent = { ask: () => Promise.resolve((asked++, null)), everyMs: 0 };
    const one = observer(dir, silent);
    const [told, again, other] = [await one.get(), await one.get(), await observer(dir, silent).get()];
    for (const { answer, failures } of [told, again, other]) {
      expect(answer).toBe('answer 1');
      expect(failures).toBe(1);
    }
    expect(other.ageMs).toBeGreaterThan(0);
    expect(asked).toBe(1);
    // The delay of the first failure is over, that of the second is not.
    const later = { ...silent, delays: [0, HOUR] };
    expect((await observer(dir, later).get()).failures).toBe(2);
    expect((await observer(dir, later).get()).failures).toBe(2);
    expect(asked).toBe(2);
    // It answers again.
    expect(await observer(dir, { delays: [0] }).get()).toMatchObject({ answer: 'answer 2', failures: 0 });
  });

  test('is not there before there was one', async () => {
    const shared = await observer(folder(), { ask: () => Promise.resolve(null) }).get();
    expect(shared).toEqual({ answer: null, ageMs: Infinity, failures: 1 });
  });

  test('is asked for by each where nothing can be shared', async () => {
    const dir = folder();
    writeFileSync(join(dir, 'cache'), 'a file where the folder should be');
    const [one, other] = [observer(dir), observer(dir, { path: null })];
    expect((await one.get()).answer).toBe('answer 1');
    expect((await other.get()).answer).toBe('answer 2');
    expect((await one.get()).answer).toBe('answer 1');
  });

  test.each(['', '{', '[]', 'null', '{"version":2,"asked":0}', '{"version":1}'])(
    'is asked for when the file says %j',
    async (text) => {
      const dir = folder();
      await observer(dir).get();
      writeFileSync(join(dir, 'cache', 'answer.json'), text);
      expect((await observer(dir).get()).answer).toBe('answer 2');
    },
  );

  test('counts as unknown when it comes from the future: the clock was set back', async () => {
    const dir = folder();
    await observer(dir).get();
    const path = join(dir, 'cache', 'answer.json');
    const content = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(
      path,
      JSON.stringify({ ...content, asked: Date.now() + HOUR, answered: Date.now() + HOUR }),
    );
    expect((await observer(dir).get()).answer).toBe('answer 2');
  });

  test('of one that throws is an error of that one only', async () => {
    const dir = folder();
    const broken = observer(dir, { ask: () => Promise.reject(new Error('no such command')) });
    await expect(broken.get()).rejects.toThrow('no such command');
    expect((await observer(dir).get()).answer).toBe('answer 1');
  });
});

describe('processes', () => {
  let script: string;
  const children: ChildProcess[] = [];
  beforeAll(() => {
    script = join(folder(), 'observer.mjs');
    buildSync({
      stdin: {
        contents: `
          import { appendFileSync } from 'node:fs';
          import { SharedAnswer } from './src/platforms/slurm/shared-answer.ts';
          const [path, asked, everyMs, patienceMs, hangs] = process.argv.slice(2);
          const shared = new SharedAnswer({
            path,
            ask: async () => {
              appendFileSync(asked, process.pid + '\\n');
              if (hangs === 'hangs') await new Promise((resolve) => setTimeout(resolve, 1e6));
              return [process.pid];
            },
            everyMs: Number(everyMs),
            delays: [],
            patienceMs: Number(patienceMs),
          });
          const { answer } = await shared.get();
          console.log(JSON.stringify(answer));`,
        resolveDir: repoRoot,
        loader: 'js',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
    });
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  function start(
    dir: string,
    everyMs: number,
    patienceMs: number,
    hangs = '',
  ): { child: ChildProcess; out: Promise<string> } {
    const args = [
      script,
      join(dir, 'cache/answer.json'),
      join(dir, 'asked'),
      `${everyMs}`,
      `${patienceMs}`,
      hangs,
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    return { child, out: new Promise((resolve) => child.on('close', () => resolve(text))) };
  }

  test('that start together put one question', async () => {
    const dir = folder();
    const outs = await Promise.all(Array.from({ length: 6 }, async () => await start(dir, HOUR, 60_000).out));
    const [asked] = lines(join(dir, 'asked'));
    expect(lines(join(dir, 'asked'))).toHaveLength(1);
    expect(new Set(outs)).toEqual(new Set([`[${asked ?? ''}]\n`]));
  });

  test('do not wait for ever for one that was killed while it asked', async () => {
    const dir = folder();
    const { child } = start(dir, HOUR, 300, 'hangs');
    while (lines(join(dir, 'asked')).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.on('close', resolve));
    expect(readdirSync(join(dir, 'cache'))).toEqual(['answer.json.asking']);
    // That it was made long ago, or in the future, says nothing: clocks differ.
    utimesSync(join(dir, 'cache/answer.json.asking'), new Date(0), new Date(Date.now() + HOUR));
    const answer = await start(dir, HOUR, 300).out;
    expect(answer).toMatch(/^\[\d+\]\n$/);
    expect(readdirSync(join(dir, 'cache'))).toEqual(['answer.json']);
  });
});
