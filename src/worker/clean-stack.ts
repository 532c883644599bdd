import { pathToFileURL } from 'node:url';

export interface StackPaths {
  /** Root of the snapshot, and what it is shown as. */
  readonly root: string;
  readonly projectRoot: string;
}

/** A stack in the user's own files: no frames of the host or of Node, snapshot paths as project paths. */
export function cleanStack(stack: string, paths: StackPaths, hostUrl: string): string {
  // With source maps our own frames carry the names of our sources.
  const sources = new URL('../../src/', hostUrl).href;
  const own = [hostUrl, sources].flatMap((url) => [url, decodeURI(url).slice('file://'.length)]);
  const hidden = [...own, '(node:internal/', ' node:internal/'];
  return stack
    .split('\n')
    .filter((line) => !/^\s+at /.test(line) || !hidden.some((text) => line.includes(text)))
    .join('\n')
    .replaceAll(pathToFileURL(paths.root).href, paths.projectRoot)
    .replaceAll(`file://${paths.root}`, paths.projectRoot)
    .replaceAll(paths.root, paths.projectRoot);
}
