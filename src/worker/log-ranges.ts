import { scanEnds } from '../contract/record-scan.js';

/** Where the output of the tasks ends that records are about, in the log of their host; 0: they wrote none. */
export function lastLogByte(records: readonly Buffer[]): number {
  let last = 0;
  scanEnds(Buffer.concat(records).toString('latin1'), ({ log }) => {
    if (log !== null && log[2] > last) last = log[2];
  });
  return last;
}
