/** A job of 1,000 tasks, many of them hostile, and what must be true of its outputs. */
import { expect } from 'vitest';
import { makeProject, one, readNdjson } from '../support/project.js';
import type { End } from './journal.js';

const TASKS = 1_000;
export const FIVE_MB = 5 * 1024 * 1024;

interface ErrorLine {
  ERROR: string;
  ARGS: unknown[];
  KWARGS: Record<string, unknown>;
  TASK_ID: number;
  FAILURE_TYPE: string;
  TYPE: string | null;
  STACK: string | null;
  LOG: string;
}

/** Kinds at a few places; everything else is a plain task. */
export function plan(kinds: Readonly<Record<string, readonly number[]>>): string[] {
  const all = new Array<string>(TASKS).fill('plain');
  for (const [kind, places] of Object.entries(kinds)) for (const i of places) all[i] = kind;
  return all;
}

export function project(kinds: readonly string[], task: Readonly<Record<string, string>>) {
  return makeProject({
    ...task,
    'args.ndjson': kinds.map((kind, i) => `${JSON.stringify({ i, kind })}\n`).join(''),
    'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\n',
  });
}

export interface Expected {
  /** Null: the task is ok. */
  readonly failure: string | null;
  readonly error?: Readonly<Record<string, unknown>>;
  readonly value?: (i: number) => unknown;
}

export function check(
  kinds: readonly string[],
  expected: Readonly<Record<string, Expected>>,
  all: readonly End[],
) {
  // Each task exactly one final record.
  expect(
    all
      .filter((end) => end.fin !== false)
      .map((end) => end.t)
      .sort((a, b) => a - b),
  ).toEqual(kinds.map((_, i) => i));
  const wrong: unknown[] = [];
  for (const end of all) {
    const kind = kinds[end.t] as string;
    const want = expected[kind] as Expected;
    const { log: _log, ...shown } = end;
    if ((end.ft ?? null) !== want.failure)
      wrong.push({ kind, want: want.failure, got: JSON.stringify(shown).slice(0, 300) });
    else if (want.error !== undefined) {
      expect(end.error, `${kind} ${end.t}`).toMatchObject(want.error);
      expect(Object.keys(end).at(-1)).toBe('error');
    } else if (want.value !== undefined) {
      expect(end.value, `${kind} ${end.t}`).toEqual(want.value(end.t));
      expect(Object.keys(end).at(-1)).toBe('value');
    }
  }
  expect(wrong).toEqual([]);
}

export function checkFiles(
  kinds: readonly string[],
  expected: Readonly<Record<string, Expected>>,
  dir: string,
) {
  const results = readNdjson<{ i?: number } | string>(one(`${dir}/results/*.ndjson`));
  const wanted = kinds.filter((kind) => expected[kind]?.failure === null && kind !== 'nothing');
  expect(results).toHaveLength(wanted.length);
  expect(results.filter((line) => typeof line === 'string').map((line) => String(line).length)).toEqual(
    kinds.filter((kind) => kind === 'huge').map(() => FIVE_MB),
  );
  const seen = results.flatMap((line) => (typeof line === 'string' ? [] : [line.i as number]));
  expect(new Set(seen).size).toBe(seen.length);

  const errors = readNdjson<ErrorLine>(one(`${dir}/errors/*.ndjson`));
  const failing = kinds.flatMap((kind, i) => (expected[kind]?.failure === null ? [] : [i]));
  expect(errors.map((line) => line.KWARGS['i'] as number).sort((a, b) => a - b)).toEqual(failing);
  for (const line of errors) {
    const i = line.KWARGS['i'] as number;
    const kind = kinds[i] as string;
    const { failure, error } = expected[kind] as Expected;
    expect(line.FAILURE_TYPE, kind).toBe(failure);
    expect(line.ARGS).toEqual([]);
    expect(line.KWARGS).toEqual({ i, kind });
    expect(line.LOG).toBeTypeOf('string');
    expect(line.TASK_ID).toBe(kind === 'returned' ? 'mine' : i);
    if (error !== undefined) expect(line.TYPE, kind).toBe(error['type']);
    else expect(line).toMatchObject({ ERROR: 'said so', TYPE: null, STACK: null });
  }
  return errors;
}

/** Of tasks that print a megabyte. */
export const PLACES = [3, 250, 251, 600, 999];
