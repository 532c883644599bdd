import { describeValue, JobError } from '../base/errors.js';
import { nearest } from '../config/nearest.js';
import { OPTION_SETTINGS, OWN_OPTIONS, type DLJobOptions } from './options.js';

const CHECKS: Record<
  (typeof OWN_OPTIONS)[keyof typeof OWN_OPTIONS],
  { test: (v: unknown) => boolean; expected: string }
> = {
  any: { test: () => true, expected: 'anything' },
  string: { test: (v) => typeof v === 'string' && v !== '', expected: 'a text' },
  boolean: { test: (v) => typeof v === 'boolean', expected: 'true or false' },
  array: { test: (v) => Array.isArray(v), expected: 'an array' },
  object: { test: (v) => typeof v === 'object' && v !== null && !Array.isArray(v), expected: 'an object' },
  strings: { test: isStrings, expected: 'an array of texts' },
  'strings or string': {
    test: (v) => typeof v === 'string' || isStrings(v),
    expected: 'an array of texts or a path',
  },
  'positive integer': {
    test: (v) => Number.isSafeInteger(v) && (v as number) > 0,
    expected: 'a whole number, 1 or more',
  },
};

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/**
 * Throws JOB_INVALID for a name that no option has, a value of the wrong type, or `argsList` together with `args`.
 * The values of settings are checked against their table when the job runs.
 */
export function checkOptions(options: DLJobOptions): void {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw new JobError('JOB_INVALID', `DLJob: expected an object of options, got ${describeValue(options)}`, {
      hint: "For instance new DLJob({ moduleName: 'tiles.segment', argsList: 10 }).",
    });
  }
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    if (Object.hasOwn(OPTION_SETTINGS, name)) continue;
    if (!Object.hasOwn(OWN_OPTIONS, name)) {
      const near = nearest(name, [...Object.keys(OWN_OPTIONS), ...Object.keys(OPTION_SETTINGS)]);
      throw new JobError('JOB_INVALID', `DLJob: expected an option it knows, got \`${name}\``, {
        hint: near === undefined ? 'See docs/jobs.md for all of them.' : `Did you mean \`${near}\`?`,
      });
    }
    if (value === undefined) continue;
    const { test, expected } = CHECKS[OWN_OPTIONS[name as keyof typeof OWN_OPTIONS]];
    if (!test(value)) {
      throw new JobError('JOB_INVALID', `DLJob: ${name}: expected ${expected}, got ${describeValue(value)}`, {
        hint: 'See docs/jobs.md for what each option takes.',
      });
    }
  }
  if (options.moduleName === undefined) {
    throw new JobError('JOB_INVALID', 'DLJob: expected `moduleName`, got none', {
      hint: "It names the module of the task function: moduleName: 'tiles.segment'.",
    });
  }
  if (options.argsList !== undefined && (options.args !== undefined || options.kwargs !== undefined)) {
    throw new JobError('JOB_INVALID', 'DLJob: expected `argsList`, or `args` and `kwargs`, got both', {
      hint: '`argsList` makes one task an element; `args` and `kwargs` are those of a single task.',
    });
  }
}
