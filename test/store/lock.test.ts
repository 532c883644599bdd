/** Who may control a run: one process at a time, and nobody for a dead one. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lockState, takeLock, type LockFile } from '../../src/store/lock.js';
import { ownIdentity } from '../../src/store/process-identity.js';
import { createRunFolder, type RunPaths } from '../../src/store/run-folder.js';

function runFolder(): RunPaths {
  const dir = mkdtempSync(join(tmpdir(), 'dl-jobs-lock-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return createRunFolder(dir, 'run');
}

function writeLock(paths: RunPaths, change: Partial<LockFile>): void {
  const lock: LockFile = {
    version: 1,
    id: 'feedfacefeedface',
    ...ownIdentity(),
    since: '2026-11-24T10:00:00.000Z',
    counter: 7,
    ...change,
  };
  writeFileSync(paths.lock, `${JSON.stringify(lock)}\n`);
}

/** The id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn('true');
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid as number;
}

describe('the lock of a run', () => {
  test('is held by one, and free once it is released', async () => {
    const paths = runFolder();
    const lock = await takeLock(paths);
    expect(lockState(paths)).toMatchObject({ state: 'held', holder: { pid: process.pid } });
    await expect(takeLock(paths)).rejects.toMatchObject({
      code: 'RUN_LOCKED',
      message: expect.stringContaining(`process ${process.pid}`),
    });
    expect(lock.isOurs()).toBe(true);
    lock.release();
    expect(lockState(paths).state).toBe('free');
    (await takeLock(paths)).release();
    expect(readdirSync(paths.dir).filter((name) => name.startsWith('lock'))).toEqual([]);
  });

  test.for([
    ['process has ended', async () => ({ pid: await deadPid(), began: '1' })],
    ['process id belongs to another by now', async () => ({ began: '1' })],
    ['machine was started anew', async () => ({ boot: 'another', pid: 1 })],
  ] as const)('is taken over when the %s', async ([, change]) => {
    const paths = runFolder();
    writeLock(paths, await change());
    expect(lockState(paths).state).toBe('free');
    const lock = await takeLock(paths);
    expect(lock.isOurs()).toBe(true);
    expect(readdirSync(paths.dir).filter((name) => name.startsWith('lock'))).toEqual(['lock']);
    lock.release();
  });

  test('of another machine is taken over when its counter stands still, and only then', async () => {
    const paths = runFolder();
    writeLock(paths, { host: 'elsewhere' });
    expect(lockState(paths).state).toBe('unknown');
    let counter = 100;
    const beat = setInterval(() => writeLock(paths, { host: 'elsewhere', counter: counter++ }), 50);
    const waited: string[] = [];
    const options = { staleMs: 2_500, onWait: ({ host }: LockFile) => void waited.push(host) };
    await expect(takeLock(paths, options)).rejects.toMatchObject({ code: 'RUN_LOCKED' });
    clearInterval(beat);
    (await takeLock(paths, options)).release();
    expect(waited).toEqual(['elsewhere', 'elsewhere']);
  });

  test('sweeps away what those left that died while they tried to take it', async () => {
    const paths = runFolder();
    writeFileSync(`${paths.lock}.0123456789abcdef.tmp`, '');
    writeFileSync(`${paths.lock}.fedcba9876543210`, '{"version":1');
    const lock = await takeLock(paths);
    expect(readdirSync(paths.dir).filter((name) => name.startsWith('lock'))).toEqual(['lock']);
    lock.release();
  });

  test('that was taken over is not released by who had it', async () => {
    const paths = runFolder();
    const lock = await takeLock(paths);
    writeFileSync(`${paths.lock}.new`, readFileSync(paths.lock));
    rmSync(paths.lock);
    writeLock(paths, { id: 'another' });
    expect(lock.isOurs()).toBe(false);
    lock.release();
    expect(lockState(paths).holder?.id).toBe('another');
  });

  test('is taken by one of many who see that its holder is dead', async () => {
    for (let round = 0; round < 20; round++) {
      const paths = runFolder();
      writeLock(paths, { pid: await deadPid(), began: '1' });
      const tries = await Promise.allSettled(Array.from({ length: 5 }, () => takeLock(paths)));
      const won = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      expect(won.length).toBe(1);
      expect(won[0]?.isOurs()).toBe(true);
      won[0]?.release();
    }
  });
});
