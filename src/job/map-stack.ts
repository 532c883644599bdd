import { pathToFileURL } from 'node:url';

/** A stack with the files of a snapshot (`code`) named as those of the project (`root`), and without our own frames. */
export function mapStack(stack: string, code: string, root: string): string {
  return stack
    .replaceAll(`${pathToFileURL(code).href}/`, `${root}/`)
    .replaceAll(`${code}/`, `${root}/`)
    .split('\n')
    .filter((line) => !/^\s+at .*(?:\(node:|at node:|\/dist\/(?:chunks|cli)\/|dl-jobs\/dist\/)/.test(line))
    .join('\n');
}
