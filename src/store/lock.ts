/**
 * `lock`: who controls a run now. At most one process holds it, on whatever machine.
 *
 * It comes into being by `link`, which fails when it is there, and its holder raises a counter in it, in place. One
 * whose holder is dead (its process is gone, its machine was started anew, or the counter stood still for a minute of
 * the observer's own clock) is taken over: a marker named for the dead lock's id is made, again by `link`, so that one
 * observer wins; only the winner may rename a new lock over the old one. A holder that was not dead after all keeps
 * writing into a file that has no name any more, and finds out by looking at the name.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InfrastructureError } from '../base/errors.js';
import { storeError, writeAll } from './atomic.js';
import { lives, ownIdentity, type ProcessIdentity } from './process-identity.js';

/** The holder raises the counter this often. */
const BEAT_MS = 5_000;
/** A counter that stood still for this long means that its holder is gone. */
export const STALE_MS = 60_000;
/** How often a counter is looked at. */
const LOOK_MS = 1_000;

export interface LockFile extends ProcessIdentity {
  readonly version: 1;
  readonly id: string;
  /** ISO 8601 in UTC. */
  readonly since: string;
  readonly counter: number;
}

/** Where a lock is: the file, and the folder that it is for. */
export interface LockPlace {
  readonly dir: string;
  readonly lock: string;
}

/** What is known of a lock without waiting. */
export interface LockState {
  /** `free`: nobody has it, or who had it is dead. `unknown`: the holder is on another machine. */
  readonly state: 'free' | 'held' | 'unknown';
  readonly holder: LockFile | null;
}

export function lockState(paths: LockPlace): LockState {
  const holder = readLock(paths.lock);
  if (holder === null) return { state: 'free', holder };
  const alive = lives(holder);
  return { state: alive === 'yes' ? 'held' : alive === 'no' ? 'free' : 'unknown', holder };
}

/** True while the holder of `lock` raises its counter, as far as `ms` milliseconds of looking tell. */
export async function isBeating(paths: LockPlace, ms: number): Promise<boolean> {
  const first = readLock(paths.lock);
  const end = performance.now() + ms;
  while (first !== null && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(LOOK_MS, ms)));
    const now = readLock(paths.lock);
    if (now === null) return false;
    if (now.id !== first.id || now.counter !== first.counter) return true;
  }
  return false;
}

export interface HeldLock {
  /** False once somebody has taken it over. */
  isOurs(): boolean;
  release(): void;
}

export interface LockOptions {
  /** Told once, when the holder is on another machine and has to be watched to see whether it lives. */
  readonly onWait?: (holder: LockFile) => void;
  /** @default a minute */
  readonly staleMs?: number;
}

/** Takes the lock. Throws RUN_LOCKED when somebody holds it who lives. */
export async function takeLock(paths: LockPlace, options: LockOptions = {}): Promise<HeldLock> {
  for (;;) {
    const made = makeLock(paths.lock);
    if (made !== null) return hold(paths.lock, sweptBy(paths.lock, made));
    const { state, holder } = lockState(paths);
    // Released in the meantime.
    if (holder === null) continue;
    if (state === 'held') throw locked(paths, holder);
    if (state === 'unknown') {
      options.onWait?.(holder);
      if (await isBeating(paths, options.staleMs ?? STALE_MS)) throw locked(paths, holder);
      if (readLock(paths.lock)?.id !== holder.id) continue;
    }
    const taken = takeOver(paths, holder);
    if (taken !== null) return hold(paths.lock, sweptBy(paths.lock, taken));
  }
}

/**
 * Removes what others left that died while they tried to take the lock. Files of some who are trying now may be among
 * them: these then see that the lock is ours. A marker for our own lock is another matter, and stays.
 */
function sweptBy(path: string, own: OwnLock): OwnLock {
  const prefix = `${basename(path)}.`;
  try {
    for (const name of readdirSync(dirname(path))) {
      if (name.startsWith(prefix) && !name.startsWith(`${prefix}${own.lock.id}`)) {
        rmSync(join(dirname(path), name), { force: true });
      }
    }
  } catch {
    // They are in nobody's way.
  }
  return own;
}

interface OwnLock {
  readonly fd: number;
  readonly lock: LockFile;
}

/** A file that holds a new lock of ours under a name of its own. */
function newLockFile(path: string): OwnLock & { readonly temp: string } {
  const lock: LockFile = {
    version: 1,
    id: randomBytes(8).toString('hex'),
    ...ownIdentity(),
    since: new Date().toISOString(),
    counter: 0,
  };
  const temp = `${path}.${lock.id}.tmp`;
  try {
    const fd = openSync(temp, 'wx');
    writeAll(fd, lockBytes(lock));
    return { fd, lock, temp };
  } catch (error) {
    throw storeError('write', path, error);
  }
}

/** Null: somebody has it. */
function makeLock(path: string): OwnLock | null {
  const made = newLockFile(path);
  try {
    linkSync(made.temp, path);
    return made;
  } catch (error) {
    closeSync(made.fd);
    // ENOENT: who has the lock has swept our file away.
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw storeError('write', path, error);
  } finally {
    rmSync(made.temp, { force: true });
  }
}

/** Null: somebody else did, or the lock is another by now. */
function takeOver(paths: LockPlace, dead: LockFile): OwnLock | null {
  const marker = `${paths.lock}.${dead.id}`;
  const right = makeLock(marker);
  if (right === null) {
    const other = readLock(marker);
    // Whoever took it over died before it was done: its own marker is taken over in the same way.
    if (other !== null && lives(other) !== 'no') throw locked(paths, other);
    if (other !== null) removeIf(marker, other.id);
    return null;
  }
  try {
    // While we hold the marker nobody else replaces the dead lock.
    if (readLock(paths.lock)?.id !== dead.id) return null;
    const made = newLockFile(paths.lock);
    try {
      renameSync(made.temp, paths.lock);
    } catch (error) {
      closeSync(made.fd);
      throw error;
    }
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw storeError('write', paths.lock, error);
  } finally {
    closeSync(right.fd);
    rmSync(marker, { force: true });
  }
}

/** Removes the lock file at `path` if it is the one with that id, and not one that was made meanwhile. */
function removeIf(path: string, id: string): void {
  const aside = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    renameSync(path, aside);
    if (readLock(aside)?.id !== id) linkSync(aside, path);
  } catch {
    // Somebody else removed it first.
  }
  rmSync(aside, { force: true });
}

function hold(path: string, { fd, lock }: OwnLock): HeldLock {
  let counter = 0;
  const timer = setInterval(() => {
    try {
      writeSync(fd, lockBytes({ ...lock, counter: ++counter }), 0, null, 0);
    } catch {
      // A full disk stops the run where it writes records; the lock need not say so too.
    }
  }, BEAT_MS);
  timer.unref();
  let released = false;
  const isOurs = (): boolean => {
    try {
      const named = statSync(path, { throwIfNoEntry: false });
      return !released && named !== undefined && named.ino === fstatSync(fd).ino;
    } catch {
      // Not to be seen now (a shared disk away for a moment) is not taken.
      return !released;
    }
  };
  return {
    isOurs,
    release: () => {
      if (released) return;
      clearInterval(timer);
      if (isOurs()) rmSync(path, { force: true });
      released = true;
      closeSync(fd);
    },
  };
}

/** The counter has a fixed width, so that the line keeps its length. */
function lockBytes(lock: LockFile): Buffer {
  const { counter, ...rest } = lock;
  const text = JSON.stringify({ ...rest, counter: 0 });
  return Buffer.from(`${text.slice(0, -2)}${String(counter).padStart(12)}}\n`);
}

/** Null: there is none. */
function readLock(path: string): LockFile | null {
  for (let look = 0; ; look++) {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw storeError('read', path, error);
    }
    try {
      return JSON.parse(text) as LockFile;
    } catch (error) {
      // Read while the counter was written.
      if (look >= 3) throw storeError('read', path, error);
    }
  }
}

function locked(paths: LockPlace, holder: LockFile): InfrastructureError {
  return new InfrastructureError(
    'RUN_LOCKED',
    `${paths.dir} is controlled by process ${holder.pid} on ${holder.host}, since ${holder.since}`,
    { hint: 'Watch it with `dl_jobs attach`, or end it with `dl_jobs cancel`.' },
  );
}
