/** `lock`: who controls a run now. Taking over a dead controller's lock comes with resume. */
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { writeAtomic } from './atomic.js';
import type { RunPaths } from './run-folder.js';

/** The holder raises the counter this often. */
const BEAT_MS = 5_000;

export interface LockFile {
  readonly version: 1;
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Changes with each boot of the machine; empty where the system does not tell. */
  readonly boot: string;
  readonly counter: number;
}

/** Holds the lock until what it returns is called. */
export function holdLock(paths: RunPaths): () => void {
  const id = randomBytes(8).toString('hex');
  let counter = 0;
  const beat = (): void => {
    const lock: LockFile = {
      version: 1,
      id,
      host: hostname(),
      pid: process.pid,
      boot: bootId(),
      counter: counter++,
    };
    writeAtomic(paths.lock, `${JSON.stringify(lock)}\n`, false);
  };
  beat();
  const timer = setInterval(() => {
    try {
      beat();
    } catch {
      // A full disk stops the run where it writes records; the lock need not say so too.
    }
  }, BEAT_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    rmSync(paths.lock, { force: true });
  };
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
