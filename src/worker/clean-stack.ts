import { pathToFileURL } from 'node:url';

export interface StackPaths {
  /** Root of the snapshot, and what it is shown as. */
  readonly root: string;
  readonly projectRoot: string;
}

/** A stack in the user's own files: no frames of the host or of Node, snapshot paths as project paths. */
export function cleanStack(stack: string, paths: StackPaths, hostUrl: string): string {
  const hidden = [hostUrl, decodeURI(hostUrl).slice(7), '(node:internal/', 'at node:internal/'];
  return stack
    .split('\n')
    .filter((line) => !/^\s+at /.test(line) || !hidden.some((text) => line.includes(text)))
    .join('\n')
    .replaceAll(pathToFileURL(paths.root).href, paths.projectRoot)
    .replaceAll(`file://${paths.root}`, paths.projectRoot)
    .replaceAll(paths.root, paths.projectRoot);
}
