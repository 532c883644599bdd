/** Notes of which one was cut off by a full disk. */
import { appendFileSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { appendNote, readNotes } from '../../src/store/note-lines.js';

const newFile = (): string => join(mkdtempSync(join(tmpdir(), 'dl-jobs-notes-')), 'notes.ndjson');

describe('notes', () => {
  test('are none where there is no file', () => {
    expect([...readNotes(newFile())]).toEqual([]);
  });

  test('are read in order, whatever is in them', () => {
    const path = newFile();
    const notes = [{ a: 'two\nlines' }, { b: 'ü日本\u2028' }, { c: [1, { d: null }] }];
    for (const note of notes) appendNote(path, note);
    expect([...readNotes(path)]).toEqual(notes);
  });

  test.each(['{"a":"half', '{"a":{"b":1}', '{"a":"half\u00e4'.slice(0, -1)])(
    'that come after one that was cut off are not lost with it: %s',
    (torn) => {
      const path = newFile();
      appendNote(path, { first: 1 });
      appendFileSync(path, torn);
      appendNote(path, { second: 2 });
      expect([...readNotes(path)]).toEqual([{ first: 1 }, { second: 2 }]);
      expect(readFileSync(path, 'utf8').endsWith('\n')).toBe(true);
    },
  );
});
