import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { Settings } from '../config/settings.js';
import type { OutputPaths } from '../contract/spec.js';

/** Characters that some file system refuses, or that a shell trips over. */
const UNSAFE = /[\u0000-\u001f<>:"|?*\\/]+/g;

/** A part of a file name: blanks become dots, as in the original; what some file system refuses becomes `-`. */
export function fileStem(name: string): string {
  const stem = name.trim().replace(/\s+/g, '.').replace(UNSAFE, '-').replace(/^\.+/, '');
  // Most file systems end at 255 bytes; time and extension need some of them.
  return cutToBytes(stem === '' ? 'job' : stem, 200);
}

function cutToBytes(text: string, bytes: number): string {
  let cut = '';
  let size = 0;
  // By code points: half of a surrogate pair is no character.
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes) break;
    cut += character;
  }
  return cut;
}

export interface OutputNames {
  readonly root: string;
  readonly settings: Settings;
  /** Name of the job. */
  readonly name: string;
  /** True: {@link name} was made from the time and holds it. */
  readonly nameHasTime: boolean;
  /** {@link name} without its time. */
  readonly nameWithoutTime: string;
  readonly time: string;
  readonly resultsTimestamp: boolean;
}

/** Files of a run, absolute: `<dir>/<name>_<time>.ndjson`, or as the user named them. */
export function outputPaths(names: OutputNames): OutputPaths {
  const { settings, root, resultsTimestamp } = names;
  const timed = (name: string): string => `${fileStem(name)}_${names.time}`;
  const ownName = (stamped: boolean): string => {
    if (!stamped) return fileStem(names.nameWithoutTime);
    return names.nameHasTime ? fileStem(names.name) : timed(names.name);
  };
  const path = (wish: boolean | string, dir: string, extension: string, stamped: boolean): string | null => {
    if (wish === false) return null;
    const folder = isAbsolute(dir) ? dir : join(root, dir);
    if (wish === true) return join(folder, `${ownName(stamped)}.${extension}`);
    const stem = wish.toLowerCase().endsWith(`.${extension}`) ? wish.slice(0, -extension.length - 1) : wish;
    const parts = stem.split('/');
    const last = parts.pop() ?? '';
    const file = `${stamped ? timed(last) : fileStem(last)}.${extension}`;
    return isAbsolute(stem) ? join(parts.join('/'), file) : join(folder, ...parts, file);
  };
  return {
    results: path(settings.save_results, settings.results_dir, 'ndjson', resultsTimestamp),
    errors: path(settings.save_errors, settings.errors_dir, 'ndjson', resultsTimestamp),
    // A log that has a name of its own is appended to.
    log: path(settings.log, settings.log_dir, 'log', settings.log === true),
    fixedNames: !resultsTimestamp,
    fixedLog: typeof settings.log === 'string',
  };
}

/**
 * The same paths, changed where a file is there already or another run of the invocation has the name. Names that
 * the user fixed stay: an older file of that name is moved aside when the new one begins.
 */
export function unusedPaths(outputs: OutputPaths, taken: Set<string>): OutputPaths {
  const unused = (path: string | null, fixed: boolean): string | null => {
    if (path === null || fixed) return path;
    const dot = path.lastIndexOf('.');
    let free = path;
    for (let n = 2; taken.has(free) || existsSync(free); n++)
      free = `${path.slice(0, dot)}.${n}${path.slice(dot)}`;
    taken.add(free);
    return free;
  };
  return {
    ...outputs,
    results: unused(outputs.results, outputs.fixedNames),
    errors: unused(outputs.errors, outputs.fixedNames),
    log: unused(outputs.log, outputs.fixedLog),
  };
}
