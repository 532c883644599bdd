/** `requests/`: what other processes ask of a run's controller, one file each, which the controller removes. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { storeError } from './atomic.js';
import type { RunPaths } from './run-folder.js';

/** What can be asked: to cancel the run. */
export type RequestKind = 'cancel';

const NAME = /^(cancel)-[0-9a-f]+$/;

/** Leaves a request for the controller. Returns its file: gone once the controller has taken it. */
export function makeRequest(paths: RunPaths, kind: RequestKind): string {
  const path = join(paths.requests, `${kind}-${randomBytes(6).toString('hex')}`);
  try {
    closeSync(openSync(path, 'wx'));
    return path;
  } catch (error) {
    throw storeError('create', path, error);
  }
}

/** The requests that wait; they are removed. */
export function takeRequests(paths: RunPaths): RequestKind[] {
  let names: string[];
  try {
    names = readdirSync(paths.requests);
  } catch {
    // A shared disk can be away for a while: what was asked is still there when it is back.
    return [];
  }
  return names.flatMap((name) => {
    const kind = NAME.exec(name)?.[1] as RequestKind | undefined;
    if (kind === undefined) return [];
    rmSync(join(paths.requests, name), { force: true });
    return [kind];
  });
}
