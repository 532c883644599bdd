/** The tables of cases that the TypeScript and the Python tests share. */
import { readFileSync } from 'node:fs';

export function cases<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../cases/${name}.json`, import.meta.url), 'utf8')) as T;
}
