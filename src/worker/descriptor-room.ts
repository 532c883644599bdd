import { closeSync, openSync } from 'node:fs';

/** Descriptors that starting a host takes for a moment or for long, and as many again for all else that is opened. */
const NEEDED = 24;

/** Throws EMFILE where a further host would use up the descriptors that outputs and journal need. */
export function requireDescriptors(): void {
  const opened: number[] = [];
  try {
    while (opened.length < NEEDED) opened.push(openSync('/dev/null', 'r'));
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}
