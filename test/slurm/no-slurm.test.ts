/** A run that workers on a cluster go on with, looked at from a machine without Slurm. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { discardRound, lookAtRound } from '../../src/platforms/slurm/unwatched-round.js';

let dir: string;
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'dl-no-slurm-')), 'runs', 'r');
  mkdirSync(join(dir, 'rounds/1'), { recursive: true });
  const submission = { name: 'dl_jobs:r:1:1', elements: 2, job: '17', at: 0 };
  writeFileSync(join(dir, 'rounds/1/jobs.ndjson'), `${JSON.stringify(submission)}\n`);
  vi.stubEnv('PATH', dir);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test('says nothing of its queue', async () => {
  expect(await lookAtRound(dir, 1)).toBe(null);
});

test('is not said to be ended there', async () => {
  await expect(discardRound(dir, 1)).rejects.toMatchObject({ code: 'SLURM_MISSING', exitCode: 3 });
});
