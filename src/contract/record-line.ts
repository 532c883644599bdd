/** Records to bytes and back: see `record.ts` for the format. Pure. */
import { crc32 } from '../base/crc32.js';
import { CRC_FROM, RECORD_VERSION, type JournalRecord } from './record.js';

/** How each line begins before its checksum is filled in. */
export const UNSEALED = '{"crc":"00000000",';

const HEAD = '{"crc":"';
const NEWLINE = 10;

/**
 * Writes unsealed lines (each beginning with {@link UNSEALED}, ending with `\n`) at `at` of `bytes`, with their
 * checksums; `text` is the lines joined. Returns where they end. There must be room for three bytes a character.
 */
export function sealLinesAt(bytes: Buffer, at: number, text: string, lines: readonly string[]): number {
  const end = at + bytes.write(text, at, 'utf8');
  // Where all characters are ASCII, the lines' ends need not be looked for.
  const known = end - at === text.length ? lines.length : 0;
  let from = at;
  for (let line = 0; from < end; line++) {
    const newline =
      line < known ? from + (lines[line] as string).length - 1 : bytes.indexOf(NEWLINE, from + CRC_FROM);
    let crc = crc32(bytes, from + CRC_FROM, newline);
    for (let i = from + 15; i >= from + 8; i--) {
      const digit = crc & 15;
      bytes[i] = digit < 10 ? 48 + digit : 87 + digit;
      crc >>>= 4;
    }
    from = newline + 1;
  }
  return end;
}

/** One record as a sealed line. Keys are written in the order they have; `value` or `error` must be last. */
export function recordLine(record: JournalRecord): Buffer {
  const line = `${UNSEALED}${JSON.stringify(record).slice(1)}\n`;
  const bytes = Buffer.alloc(line.length * 3);
  return bytes.subarray(0, sealLinesAt(bytes, 0, line, [line]));
}

/** True when the line `bytes[from, end)` (no newline) is whole: it has the form of a record and its checksum fits. */
export function isSealed(bytes: Uint8Array, from: number, end: number): boolean {
  if (end - from <= CRC_FROM || bytes[end - 1] !== 125 /* } */) return false;
  // The checksum does not cover what stands before it.
  for (let i = 0; i < 8; i++) if (bytes[from + i] !== HEAD.charCodeAt(i)) return false;
  if (bytes[from + 16] !== 34 || bytes[from + 17] !== 44) return false;
  let stated = 0;
  for (let i = from + 8; i < from + 16; i++) {
    const c = bytes[i] as number;
    const digit = c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : -1;
    if (digit < 0) return false;
    stated = stated * 16 + digit;
  }
  return stated === crc32(bytes, from + CRC_FROM, end);
}

/** Version and kind that every record of this version begins with, after its checksum. */
export const VERSION_PREFIX = `"v":${RECORD_VERSION},"k":`;
