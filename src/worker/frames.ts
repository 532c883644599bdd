/** Frames that a host sends: a JSON header line, then `bytes` bytes of body. */
import type { FromHost } from '../contract/wire.js';

/**
 * A parser fed with chunks as they come. Bodies are handed over unparsed and only when whole: a frame that the host's
 * death tore is never delivered.
 */
export function frameParser(onFrame: (header: FromHost, body: Buffer[]) => void): (chunk: Buffer) => void {
  let headerParts: Buffer[] = [];
  let header: FromHost | null = null;
  let body: Buffer[] = [];
  let missing = 0;

  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (header === null) {
        const end = chunk.indexOf(10, at);
        if (end < 0) {
          headerParts.push(chunk.subarray(at));
          return;
        }
        headerParts.push(chunk.subarray(at, end));
        const line = headerParts.length === 1 ? (headerParts[0] as Buffer) : Buffer.concat(headerParts);
        headerParts = [];
        at = end + 1;
        header = JSON.parse(line.toString('utf8')) as FromHost;
        missing = header.type === 'out' ? header.bytes : 0;
        body = [];
      } else {
        const size = Math.min(missing, chunk.length - at);
        body.push(chunk.subarray(at, at + size));
        at += size;
        missing -= size;
      }
      if (missing === 0) {
        const whole = header;
        header = null;
        onFrame(whole, body);
      }
    }
  };
}
