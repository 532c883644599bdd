/**
 * CRC-32 (IEEE 802.3, the one of zlib and gzip).
 *
 * Short ranges are summed here: entering native code and making a view of the range costs more than 100 bytes
 * of table look-ups. Long ones go to zlib, which needs a tenth of the time a byte.
 */

/** From this many bytes on, zlib is faster. */
const NATIVE_FROM = 512;

let table: Uint32Array | undefined;

function crcTable(): Uint32Array {
  if (table !== undefined) return table;
  table = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    table[n] = c >>> 0;
  }
  return table;
}

type NativeCrc = (data: Uint8Array, value?: number) => number;
let native: NativeCrc | undefined;

/** CRC-32 of `bytes[from, to)` as an unsigned integer. */
export function crc32(bytes: Uint8Array, from: number, to: number): number {
  if (to - from >= NATIVE_FROM) {
    // Loaded on first need: a host that returns small values never pays for zlib.
    native ??= (process.getBuiltinModule('node:zlib') as unknown as { crc32: NativeCrc }).crc32;
    return native(bytes.subarray(from, to));
  }
  const t = crcTable();
  let c = 0xffffffff;
  for (let i = from; i < to; i++) c = (t[(c ^ (bytes[i] as number)) & 255] as number) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
