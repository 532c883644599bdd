/** What each task has to give, worked out from its letter alone. */
import type { Letter } from './kinds.js';
import type { JobPlan } from './plan.js';

export type Failure = 'exception' | 'returned' | 'invalid' | 'crash' | 'timeout';

export interface Expected {
  /** Null: the task succeeds. */
  readonly failure: Failure | null;
  /** Values of its lines in the results. */
  readonly results: readonly unknown[];
  /** What its lines in the errors say. */
  readonly errors: readonly string[];
  /** It is tried again when it fails so, while there are tries left. */
  readonly isRetried: boolean;
}

/** 20 kB, a part of it outside of ASCII. */
export function bigText(i: number): string {
  return `${i} é"\\日 `.repeat(Math.ceil(20_000 / `${i} é"\\日 `.length));
}

export function expected(job: JobPlan, i: number, grouped: boolean): Expected {
  const ok = (...results: readonly unknown[]): Expected => ({
    failure: null,
    results,
    errors: [],
    isRetried: false,
  });
  const failed = (failure: Failure, ...errors: readonly string[]): Expected => ({
    failure,
    results: [],
    errors,
    isRetried: failure === 'crash' || failure === 'timeout',
  });
  const list = [{ i, part: 0 }, { i, part: 1 }, [i]];
  const mixed = [{ i, part: 'good' }, `ERROR: part of ${i}`, null, { ERROR: `half of ${i}`, part: 2 }];
  const letter = job.letters[i] as Letter;
  switch (letter) {
    case 'v':
    case 's':
      return ok({ i, square: i * i });
    case 'c':
    case 'd':
      return ok({ i, child: true });
    case 'f':
      return ok({ i, again: true });
    case 'n':
      return ok();
    case 'b':
      return ok({ i, text: bigText(i) });
    case 'l':
      return grouped ? ok(list) : ok(...list);
    case 'm':
      if (grouped) return ok(mixed);
      return { ...failed('returned', `ERROR: part of ${i}`, `half of ${i}`), results: [mixed[0]] };
    case 'x':
      return failed('exception', `no ${i}`);
    case 'r':
      return failed('returned', `bad ${i}`);
    case 't':
      return failed('returned', `ERROR: text of ${i}`);
    case 'u':
      return failed('invalid', '');
    case 'e':
    case 'k':
      return failed('crash', '');
    case 'w':
    case 'z':
      return failed('timeout', '');
  }
}
