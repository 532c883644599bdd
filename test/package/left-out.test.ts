/** What `npm test` says of suites that this machine cannot run. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repoRoot, runProcess, type RunResult } from '../support/project.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dl-jobs-path-'));
  symlinkSync(process.execPath, join(folder, 'node'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `npm test` where no command can be found but Node. */
const npmTest = (...args: readonly string[]): Promise<RunResult> =>
  runProcess(process.execPath, ['scripts/test.mjs', '--no-build', 'test/slurm/cluster.test.ts', ...args], {
    cwd: repoRoot,
    env: { PATH: folder },
  });

test('which tests were left out, what they need, and how to get it', async () => {
  const { code, stdout } = await npmTest();
  const lines = stdout.trimEnd().split('\n');
  expect(lines.pop()).toMatch(/^0 passed, 0 failed, \d+ skipped$/);
  const said = lines.filter((line) => line.startsWith('left out: ')).join('\n');
  expect(said).toMatch(
    /^left out: \d+ tests in test\/slurm\/cluster.test.ts \(needs slurm: apt-get install munge slurmctld slurmd slurm-client, /m,
  );
  expect(said).toMatch(
    /^left out: \d+ tests? in test\/slurm\/cluster.test.ts \(needs slurmdbd: apt-get install slurmdbd mariadb-server-core /m,
  );
  // They come right before the counts.
  expect(lines.at(-1)).toMatch(/^left out: /);
  expect(code).toBe(0);
});

test('that leaving them out is a failure, where everything should be there', async () => {
  const { code, stdout, stderr } = await npmTest('--no-missing');
  expect(stdout + stderr).toContain('missing component: slurm');
  const lines = stdout.trimEnd().split('\n');
  expect(lines.pop()).toMatch(/^0 passed, [1-9]\d* failed, 0 skipped$/);
  // What failed is named where it is seen: at the end.
  expect(lines.pop()).toMatch(/^failed: test\/slurm\/cluster.test.ts: missing component: slurm/);
  expect(code).toBe(1);
});
