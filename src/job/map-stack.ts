import { pathToFileURL } from 'node:url';
import { packageRoot } from '../base/package-root.js';

/** A stack with the files of a snapshot (`code`) named as those of the project (`root`), and without our own frames. */
export function mapStack(stack: string, code: string, root: string): string {
  const own = packageRoot();
  const hidden = ['(node:', ' node:', `${own}/dist/`, `${own}/src/`, pathToFileURL(`${own}/dist/`).href];
  return stack
    .split('\n')
    .filter((line) => !/^\s+at /.test(line) || !hidden.some((text) => line.includes(text)))
    .join('\n')
    .replaceAll(`${pathToFileURL(code).href}/`, `${root}/`)
    .replaceAll(`${code}/`, `${root}/`);
}
