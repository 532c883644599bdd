/**
 * CRC-32 (IEEE 802.3, the one of zlib and gzip).
 *
 * Short ranges are summed here: entering native code and making a view of the range costs more than 100 bytes
 * of table look-ups. Long ones go to zlib, which needs a tenth of the time a byte.
 */

/** From this many bytes on, zlib is faster. */
const NATIVE_FROM = 512;

/** Four tables of 256, so that four bytes are summed without waiting for one another. */
let tables: Int32Array | undefined;

function crcTables(): Int32Array {
  if (tables !== undefined) return tables;
  tables = new Int32Array(1024);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    tables[n] = c;
  }
  for (let i = 256; i < 1024; i++) {
    const before = tables[i - 256] as number;
    tables[i] = (before >>> 8) ^ (tables[before & 255] as number);
  }
  return tables;
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
  const t = crcTables();
  let c = -1;
  let i = from;
  for (const fours = to - 3; i < fours; i += 4) {
    c =
      (t[768 + ((c ^ (bytes[i] as number)) & 255)] as number) ^
      (t[512 + (((c >>> 8) ^ (bytes[i + 1] as number)) & 255)] as number) ^
      (t[256 + (((c >>> 16) ^ (bytes[i + 2] as number)) & 255)] as number) ^
      (t[(c >>> 24) ^ (bytes[i + 3] as number)] as number);
  }
  for (; i < to; i++) c = (t[(c ^ (bytes[i] as number)) & 255] as number) ^ (c >>> 8);
  return ~c >>> 0;
}
