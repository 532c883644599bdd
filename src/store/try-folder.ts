/** Whether a folder can hold runs: what locks, claims and snapshots take for granted of its file system is tried out. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { storeError, writeAll } from './atomic.js';

/** A folder that is there; `undo` takes away what had to be made for it and is empty still. */
export interface MadeFolder {
  /** True: it was not there before. */
  readonly isNew: boolean;
  undo(): void;
}

/** Throws STORE_FAILED. */
export function makeFolder(path: string): MadeFolder {
  const made: string[] = [];
  for (let folder = path; !existsSync(folder); folder = dirname(folder)) made.push(folder);
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw storeError('create', path, error);
  }
  return {
    isNew: made.length > 0,
    undo: () => {
      try {
        for (const folder of made) rmdirSync(folder);
      } catch {
        // Somebody uses it by now.
      }
    },
  };
}

export interface Disk {
  /** `ext4`, `nfs4`; empty: the system does not tell. */
  readonly type: string;
  /** What is mounted: a device, or server and path; empty: the system does not tell. */
  readonly source: string;
  /** Bytes that this user may still write. */
  readonly free: number;
  /** Files that can still be made; null: the file system has no such number. */
  readonly freeFiles: number | null;
}

/** Throws STORE_FAILED. */
export function diskOf(folder: string): Disk {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(folder);
    return {
      ...mountOf(realpathSync(folder)),
      free: bavail * bsize,
      freeFiles: files > 0 ? ffree : null,
    };
  } catch (error) {
    throw storeError('read', folder, error);
  }
}

/** The last mount that leads to `path` is the one that is seen there. */
function mountOf(path: string): Pick<Disk, 'type' | 'source'> {
  let text = '';
  try {
    text = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    // Linux only.
  }
  let found = { type: '', source: '', length: -1 };
  for (const line of text.split('\n')) {
    // id parent device root MOUNTPOINT options [more…] - TYPE SOURCE options
    const [before = '', after = ''] = line.split(' - ');
    const mountPoint = unescape(before.split(' ')[4] ?? '');
    const [type = '', source = ''] = after.split(' ');
    const isAbove = path === mountPoint || path.startsWith(mountPoint === '/' ? '/' : `${mountPoint}/`);
    if (mountPoint !== '' && isAbove && mountPoint.length >= found.length)
      found = { type, source: unescape(source), length: mountPoint.length };
  }
  return { type: found.type, source: found.source };
}

/** Blanks and the like stand there as `\040`. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/**
 * What the file system of `folder` does not do that runs depend on; none: it does all.
 *
 * Throws STORE_FAILED when nothing can be written there.
 */
export function faultsOf(folder: string): string[] {
  const place = join(folder, `.doctor-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    mkdirSync(place);
    write(join(place, 'first'), 'first');
    write(join(place, 'second'), 'second');
  } catch (error) {
    rmSync(place, { recursive: true, force: true });
    throw storeError('write', folder, error);
  }
  try {
    const at = (name: string): string => join(place, name);
    return [
      attempt('a file that must be new', () => {
        if (codeOf(() => write(at('first'), 'again')) !== 'EEXIST') return 'was made over one that is there';
        return null;
      }),
      attempt('a hard link', () => {
        linkSync(at('first'), at('link'));
        const [one, other] = [statSync(at('first')), statSync(at('link'))];
        return one.ino === other.ino && one.nlink === 2 ? null : 'is a file of its own';
      }),
      attempt('a hard link', () => {
        const code = codeOf(() => linkSync(at('second'), at('link')));
        return code === 'EEXIST' || !existsSync(at('link')) ? null : 'took the place of another';
      }),
      attempt('renaming a file over another', () => {
        renameSync(at('second'), at('first'));
        return readFileSync(at('first'), 'utf8') === 'second' ? null : 'left the old one in place';
      }),
      attempt('a symbolic link', () => {
        symlinkSync('first', at('symbolic'));
        return readFileSync(at('symbolic'), 'utf8') === 'second' ? null : 'leads elsewhere';
      }),
    ].flatMap((fault) => (fault === null ? [] : [fault]));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function write(path: string, text: string): void {
  const fd = openSync(path, 'wx');
  try {
    writeAll(fd, Buffer.from(text));
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** What is wrong with `what`, in a sentence; null: nothing. */
function attempt(what: string, work: () => string | null): string | null {
  try {
    const fault = work();
    return fault === null ? null : `${what} ${fault}`;
  } catch (error) {
    return `${what} is refused (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
  }
}

/** The code of the error that `work` throws; empty: it throws none. */
function codeOf(work: () => void): string {
  try {
    work();
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  }
}
