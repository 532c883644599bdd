/** Answers of the API to values, each field looked at: unknown ones are passed over, absent ones are null. */
import { describeValue } from '../../../base/errors.js';
import { isPlainObject } from '../../../base/plain-object.js';
import { AnswerError } from './errors.js';
import type {
  ComputeFunction,
  ComputeJob,
  FunctionStatus,
  JobStatistics,
  JobStatus,
  LogLine,
} from './types.js';

/** A value in an answer, and how messages name it: `GET /jobs: data[3].status`. */
export class Part {
  readonly value: unknown;
  readonly #shown: string;
  readonly #path: string;

  constructor(value: unknown, shown: string, path = '') {
    this.value = value;
    this.#shown = shown;
    this.#path = path;
  }

  get isAbsent(): boolean {
    return this.value === null || this.value === undefined;
  }

  /** The field of an object; of anything else it is an error. */
  at(key: string): Part {
    const own = this.object();
    const path = this.#path === '' ? key : `${this.#path}.${key}`;
    return new Part(Object.hasOwn(own, key) ? own[key] : null, this.#shown, path);
  }

  /** `text` is what was expected instead. The value itself is shown only by its type: it can be a secret. */
  wrong(text: string): AnswerError {
    const { value } = this;
    const got =
      value === null || value === undefined
        ? 'nothing'
        : Array.isArray(value)
          ? 'a list'
          : `a ${typeof value}`;
    return new AnswerError(
      `${this.#shown}: expected ${text}${this.#path === '' ? '' : ` as ${this.#path}`}, got ${got}`,
    );
  }

  object(): Record<string, unknown> {
    if (isPlainObject(this.value)) return this.value;
    throw this.wrong('an object');
  }

  list(): Part[] {
    if (!Array.isArray(this.value)) throw this.wrong('a list');
    return this.value.map((item, i) => new Part(item, this.#shown, `${this.#path}[${i}]`));
  }

  text(): string {
    if (typeof this.value === 'string') return this.value;
    throw this.wrong('text');
  }

  textOrNull(): string | null {
    return this.isAbsent ? null : this.text();
  }

  number(): number {
    if (typeof this.value === 'number') return this.value;
    throw this.wrong('a number');
  }

  numberOrNull(): number | null {
    return this.isAbsent ? null : this.number();
  }

  booleanOrNull(): boolean | null {
    if (this.isAbsent) return null;
    if (typeof this.value === 'boolean') return this.value;
    throw this.wrong('true or false');
  }

  /** With `Z` or an offset, or without either, which is UTC; a number is unix seconds. */
  dateOrNull(): Date | null {
    if (this.isAbsent) return null;
    const date = typeof this.value === 'number' ? new Date(this.value * 1000) : dateOf(this.text());
    if (!Number.isNaN(date.getTime())) return date;
    throw new AnswerError(
      `${this.#shown}: expected a date as ${this.#path}, got ${describeValue(this.value)}`,
    );
  }

  /** Variables are text; a server that holds numbers is forgiven. */
  variablesOrNull(): Record<string, string> | null {
    if (this.isAbsent) return null;
    return Object.fromEntries(
      Object.keys(this.object()).map((key) => {
        const { value } = this.at(key);
        if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
          throw this.at(key).wrong('text');
        return [key, String(value)];
      }),
    );
  }

  /** As `path[0]` etc. of what comes. */
  map<T>(of: (part: Part) => T): T[] {
    return this.list().map(of);
  }
}

function dateOf(text: string): Date {
  const iso = text.trim().replace(' ', 'T');
  return new Date(/T/.test(iso) && !/(Z|[+-]\d\d(:?\d\d)?)$/i.test(iso) ? `${iso}Z` : iso);
}

export function readFunction(part: Part): ComputeFunction {
  const statistics = part.at('job_statistics');
  return {
    id: part.at('id').text(),
    name: part.at('name').textOrNull(),
    image: part.at('image').textOrNull(),
    cpus: part.at('cpus').numberOrNull(),
    memory: part.at('memory').numberOrNull(),
    maximumConcurrency: part.at('maximum_concurrency').numberOrNull(),
    timeout: part.at('timeout').numberOrNull(),
    retryCount: part.at('retry_count').numberOrNull(),
    enabled: part.at('enabled').booleanOrNull(),
    autoStart: part.at('auto_start').booleanOrNull(),
    environment: part.at('environment').variablesOrNull(),
    status: part.at('status').text() as FunctionStatus,
    namespace: part.at('namespace').textOrNull(),
    owner: part.at('owner').textOrNull(),
    creationDate: part.at('creation_date').dateOrNull(),
    modifiedDate: part.at('modified_date').dateOrNull(),
    jobStatistics: statistics.isAbsent
      ? null
      : Object.fromEntries(
          Object.keys(statistics.object()).map((status) => [
            status,
            statistics.at(status).numberOrNull() ?? 0,
          ]),
        ),
  };
}

export function readJob(part: Part): ComputeJob {
  const args = part.at('args');
  const kwargs = part.at('kwargs');
  const tags = part.at('tags');
  return {
    id: part.at('id').text(),
    functionId: part.at('function_id').textOrNull(),
    args: args.isAbsent ? null : args.map(({ value }) => value),
    kwargs: kwargs.isAbsent ? null : kwargs.object(),
    environment: part.at('environment').variablesOrNull(),
    tags: tags.isAbsent ? [] : tags.map((tag) => tag.text()),
    status: part.at('status').text() as JobStatus,
    creationDate: part.at('creation_date').dateOrNull(),
    lastExecutionDate: part.at('last_execution_date').dateOrNull(),
    lastCompletionDate: part.at('last_completion_date').dateOrNull(),
    runtime: part.at('runtime').numberOrNull(),
    executionCount: part.at('execution_count').numberOrNull(),
    exitCode: part.at('exit_code').numberOrNull(),
    errorReason: part.at('error_reason').textOrNull(),
    statistics: readStatistics(part.at('statistics').value),
    provisioningTime: part.at('provisioning_time').numberOrNull(),
    pullTime: part.at('pull_time').numberOrNull(),
  };
}

/** Measurements are a help, no more: one of another form is passed on and not an error. */
function readStatistics(raw: unknown): JobStatistics | null {
  if (raw === null || raw === undefined) return null;
  const number = (group: string, key: string): number | null => {
    const of = isPlainObject(raw) ? raw[group] : null;
    const value = isPlainObject(of) ? of[key] : null;
    return typeof value === 'number' ? value : null;
  };
  return { cpuTime: number('cpu', 'time'), peakMemory: number('memory', 'peak_bytes'), raw };
}

/** One page of a list. */
export interface Page<T> {
  readonly items: T[];
  readonly cursor: string | null;
}

export function readPage<T>(part: Part, of: (part: Part) => T): Page<T> {
  const meta = part.at('meta');
  const cursor = meta.isAbsent ? null : meta.at('page_cursor').textOrNull();
  return { items: part.at('data').map(of), cursor: cursor === '' ? null : cursor };
}

/** A line of a log; one that is of no known form is shown as it is. */
export function readLogLine(line: string): LogLine {
  try {
    const value: unknown = JSON.parse(line);
    if (isPlainObject(value) && typeof value['log'] === 'string') {
      const { date, log } = value;
      const at =
        typeof date === 'number' ? new Date(date * 1000) : typeof date === 'string' ? dateOf(date) : null;
      return { date: at === null || Number.isNaN(at.getTime()) ? null : at, log };
    }
  } catch {
    // Shown as it is.
  }
  return { date: null, log: line };
}
