import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Claims, GUARD, holderOf, readClaims } from '../../src/store/claims.js';
import { runPaths, type RunPaths } from '../../src/store/run-folder.js';
import { repoRoot } from '../support/project.js';

function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'dl-jobs-claims-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function folder(): RunPaths {
  const paths = runPaths(scratch());
  mkdirSync(join(paths.rounds, '1', 'claims'), { recursive: true });
  return paths;
}

describe('claims', () => {
  test('are given once, by generation', () => {
    const paths = folder();
    const [a, b] = [new Claims(paths, 1, 'a'), new Claims(paths, 1, 'b')];
    expect(a.claim(0, 1)).toBe(true);
    expect(b.claim(0, 1)).toBe(false);
    // It has it already: a server that answers twice says so, too.
    expect(a.claim(0, 1)).toBe(true);
    expect(b.claim(0, 2)).toBe(true);
    expect(b.claim(GUARD, 1)).toBe(true);
    expect(readClaims(paths, 1)).toEqual(
      new Map<number | 'guard', number>([
        [0, 2],
        [GUARD, 1],
      ]),
    );
    expect([holderOf(paths, 1, 0, 1), holderOf(paths, 1, 0, 2)]).toEqual(['a', 'b']);
  });

  test('need a file for a thousand of them, not one each', () => {
    const paths = folder();
    const claims = new Claims(paths, 1, 'a');
    for (let chunk = 0; chunk < 2_500; chunk++) expect(claims.claim(chunk, 1)).toBe(true);
    const dir = join(paths.rounds, '1', 'claims');
    const inodes = new Set(readdirSync(dir).map((name) => statSync(join(dir, name)).ino));
    expect(inodes.size).toBe(3);
  });
});

describe('claims of many processes at the same time', () => {
  test('give each chunk to exactly one', async () => {
    const paths = folder();
    const script = join(scratch(), 'claim.mjs');
    await build({
      stdin: {
        contents: `
          import { Claims } from './src/store/claims.js';
          import { runPaths } from './src/store/run-folder.js';
          const [dir, writer] = process.argv.slice(2);
          const claims = new Claims(runPaths(dir), 1, writer);
          const won = [];
          for (let chunk = 0; chunk < 300; chunk++) if (claims.claim(chunk, 1)) won.push(chunk);
          console.log(JSON.stringify(won));`,
        resolveDir: repoRoot,
      },
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
    const won = await Promise.all(
      Array.from(
        { length: 6 },
        (_, i) =>
          new Promise<number[]>((resolve, reject) => {
            const child = spawn(process.execPath, [script, paths.dir, `writer-${i}`]);
            let out = '';
            child.stdout.on('data', (data) => (out += String(data)));
            child.on('error', reject);
            child.on('close', () => resolve(JSON.parse(out) as number[]));
          }),
      ),
    );
    const all = won.flat().sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: 300 }, (_, chunk) => chunk));
    won.forEach((chunks, i) => {
      for (const chunk of chunks) expect(holderOf(paths, 1, chunk, 1)).toBe(`writer-${i}`);
    });
  });
});
