/** The oldest versions that this package and its hosts run on. */
export const OLDEST_NODE = [20, 19] as const;
export const OLDEST_PYTHON = [3, 8] as const;

/** True when `version` (`3.11.2`, `v22.1.0`) is `oldest` or later. */
export function isRecent(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, givenMajor, givenMinor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (givenMajor === undefined || givenMinor === undefined) return false;
  return Number(givenMajor) > major || (Number(givenMajor) === major && Number(givenMinor) >= minor);
}
