/** `task_kwargs` of a job: words of Descartes Labs Tasks, which platforms of today take for settings. */
import { JobError, describeValue, type ErrorCode } from '../base/errors.js';
import { parseDuration, parseSize } from '../base/sizes.js';
import { nearest } from './nearest.js';
import type { SettingKey } from './settings.js';

/** What they say over the settings of the job; what they do not say is left out. */
export interface TaskWords {
  image?: string;
  cpus?: number;
  gpus?: number;
  /** MB. */
  memory?: number;
  /** Seconds. */
  timeout?: number;
  retries?: number;
  maximumConcurrency?: number;
  tags?: readonly string[];
}

export interface TaskKwargs {
  readonly words: TaskWords;
  readonly notices: readonly string[];
}

/** Who reads them. */
export interface TaskKwargsReader {
  /** For people. */
  readonly platform: string;
  /** Of the error for what it does not take. */
  readonly code: ErrorCode;
  /** Keys that mean nothing to it, and why; besides those that mean nothing to any. */
  readonly passesOver?: Readonly<Record<string, string>>;
}

type Reader = (value: unknown, key: string, words: TaskWords) => void;

/** The largest memory that is sold, in MB: a bare number up to it is MB, as in Compute; a larger one bytes, as in Tasks. */
const MOST_MB = 120 * 1024;
const MB = 1024 * 1024;

const READERS: Readonly<Record<string, Reader>> = {
  image: (value, key, words) => {
    if (typeof value !== 'string') throw new WrongValue(key, 'the name of an image', value);
    words.image = value;
  },
  cpus: (value, key, words) => (words.cpus = cpusOf(value, key)),
  gpus: (value, key, words) => (words.gpus = count(value, key, 0)),
  memory: (value, key, words) => (words.memory = memoryOf(value, key)),
  task_timeout: (value, key, words) => (words.timeout = duration(value, key)),
  timeout: (value, key, words) => (words.timeout = duration(value, key)),
  retry_count: (value, key, words) => (words.retries = count(value, key, 0)),
  maximum_concurrency: (value, key, words) => (words.maximumConcurrency = count(value, key, 1)),
  labels: (value, key, words) => (words.tags = [...(words.tags ?? []), ...strings(value, key)]),
  tags: (value, key, words) => (words.tags = [...(words.tags ?? []), ...strings(value, key)]),
};

/** They did something in Tasks, and nothing is like it. */
const WITHOUT_MEANING: Readonly<Record<string, string>> = {
  minimum_concurrency: 'no workers are kept ready',
  minimum_seconds: 'no workers are kept ready',
  name: 'what is submitted is named after the job: set its `name`',
};

/** Settings that say the same as a key. */
const SAME: Readonly<Record<string, readonly SettingKey[]>> = {
  image: ['cpu_image', 'gpu_image'],
  cpus: ['cpus'],
  gpus: ['gpus'],
  memory: ['memory'],
  task_timeout: ['timeout'],
  timeout: ['timeout'],
  retry_count: ['retries'],
  maximum_concurrency: ['max_workers'],
};

/** The job says these itself. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  include_modules: 'modules',
  include_data: 'data',
  requirements: 'requirements',
  environment: 'env',
};

/** Throws a JobError with the code of `reader` for a key that there is not, or a value that cannot be meant. */
export function readTaskKwargs(
  kwargs: Readonly<Record<string, unknown>>,
  reader: TaskKwargsReader,
): TaskKwargs {
  const words: TaskWords = {};
  const notices: string[] = [];
  for (const [key, value] of Object.entries(kwargs)) {
    // In Tasks that was the same as not to say it.
    if (value === null || value === undefined) continue;
    const read = own(READERS, key);
    const meaning = own(WITHOUT_MEANING, key) ?? own(reader.passesOver ?? {}, key);
    if (meaning !== undefined) notices.push(`task_kwargs.${key} is passed over: ${meaning}`);
    else if (read === undefined) throw unknownKey(key, reader);
    else {
      try {
        read(value, key, words);
      } catch (error) {
        if (!(error instanceof WrongValue)) throw error;
        throw new JobError(reader.code, error.message, { hint: 'Correct it in `task_kwargs` of the job.' });
      }
    }
  }
  return { words, notices };
}

/** Those that no stronger place, such as the command line, says otherwise. */
export function notOverruled(
  kwargs: Readonly<Record<string, unknown>>,
  isOverruled: (setting: SettingKey) => boolean,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(kwargs).filter(([key]) => !(own(SAME, key) ?? []).some(isOverruled)),
  );
}

/** What words come to where a job has nothing but settings: cpus are whole there. */
export function wordsAsSettings(words: TaskWords): Partial<Record<SettingKey, unknown>> {
  const { image, cpus, gpus, memory, timeout, retries, maximumConcurrency } = words;
  return {
    cpu_image: image,
    gpu_image: image,
    cpus: cpus === undefined ? undefined : Math.ceil(cpus),
    gpus,
    memory: memory === undefined ? undefined : memory * MB,
    timeout,
    retries,
    max_workers: maximumConcurrency,
  };
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function unknownKey(key: string, { platform, code }: TaskKwargsReader): JobError {
  const setting = own(ELSEWHERE, key);
  const known = [...Object.keys(READERS), ...Object.keys(WITHOUT_MEANING)];
  const near = nearest(key, known);
  const hint =
    setting !== undefined
      ? `Set \`${setting}\` of the job.`
      : near !== undefined
        ? `Did you mean \`${near}\`?`
        : `There are: ${known.join(', ')}.`;
  return new JobError(code, `task_kwargs: there is no \`${key}\` on ${platform}`, { hint });
}

/** A value that a reader does not take; whose mistake that is the caller knows. */
class WrongValue extends Error {
  constructor(key: string, expected: string, value: unknown) {
    super(`task_kwargs.${key}: expected ${expected}, got ${describeValue(value)}`);
  }
}

function count(value: unknown, key: string, least: number): number {
  const number = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= least) return number;
  throw new WrongValue(key, `a whole number from ${least} on`, value);
}

/** Also `'1vCPU'`, as the platform's own client takes it. */
function cpusOf(value: unknown, key: string): number {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '';
  const digits = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*(?:v?cpus?)?\s*$/i.exec(text)?.[1];
  if (digits === undefined || !(Number(digits) > 0)) throw new WrongValue(key, 'a number of cpus', value);
  return Number(digits);
}

function memoryOf(value: unknown, key: string): number {
  const bare = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof bare === 'number' && Number.isInteger(bare) && bare > 0 && bare <= MOST_MB) return bare;
  try {
    const megabytes = Math.ceil(parseSize(bare) / MB);
    if (megabytes > 0) return megabytes;
  } catch {
    // Told below.
  }
  throw new WrongValue(key, 'a size such as `2GB`', value);
}

function duration(value: unknown, key: string): number {
  try {
    const seconds = Math.ceil(parseDuration(value));
    if (seconds > 0) return seconds;
  } catch {
    // Told below.
  }
  throw new WrongValue(key, 'seconds, or a duration such as `30m`', value);
}

function strings(value: unknown, key: string): string[] {
  const list: unknown = typeof value === 'string' ? [value] : value;
  if (Array.isArray(list) && list.every((item) => typeof item === 'string' && item !== ''))
    return list as string[];
  throw new WrongValue(key, 'texts', value);
}
