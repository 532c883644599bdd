/** What a job asks of EarthOne, in its own terms; refused here, before anything is sent, if there is no such thing. */
import { JobError } from '../../base/errors.js';
import { readTaskKwargs, type TaskWords } from '../../config/task-kwargs.js';
import type { JobSpec } from '../../contract/spec.js';
import { earthOneImage } from './images.js';
import { refuse } from './refusals.js';
import { pair, roomFor, soldMemory } from './sizes.js';

export interface EarthOneRequest {
  readonly image: string;
  readonly cpus: number;
  /** MB. */
  readonly memory: number;
  /** Seconds that a job may take; null: the platform's own limit. */
  readonly timeout: number | null;
  /** Further tries of a job that failed, by the platform. */
  readonly retryCount: number;
  readonly maximumConcurrency: number;
  /** Of each job, those of the user. */
  readonly tags: readonly string[];
  /** What the user should know. */
  readonly notices: readonly string[];
}

/** A user's jobs at a time, of all functions. */
const MOST_CONCURRENT = 1000;
const MB = 1024 * 1024;
const READER = { platform: 'EarthOne', code: 'EARTHONE_UNSUPPORTED' } as const;
/** They end the process: our wrapper, which tells the platform what is to be tried again, has no say in them. */
const UNSEEN = ['timeout', 'oom', 'crash'] as const;

/** Throws EARTHONE_UNSUPPORTED. */
export function earthOneRequest(spec: JobSpec): EarthOneRequest {
  const { words, notices: ofWords } = readTaskKwargs(spec.taskKwargs, READER);
  const notices = [...ofWords];
  const passedOver = refuse(spec, words.gpus ?? spec.gpus);
  const { image, notice } = earthOneImage(words.image ?? spec.image);
  const { timeout, retries } = spec.policy;
  const size = sizeOf(spec, words);
  if (size.notice !== null) notices.push(size.notice);
  const maximumConcurrency = words.maximumConcurrency ?? spec.slurm.maxWorkers;
  if (maximumConcurrency > MOST_CONCURRENT) {
    throw new JobError(
      'EARTHONE_UNSUPPORTED',
      `max_workers: expected at most ${MOST_CONCURRENT} on EarthOne, got ${maximumConcurrency}`,
      { hint: 'That many jobs of a user run at a time, all functions together. Set a lower max_workers.' },
    );
  }
  const retryCount = words.retries ?? retries;
  const unasked = UNSEEN.filter((type) => !spec.policy.retryOn.includes(type));
  if (retryCount > 0 && unasked.length > 0) {
    notices.push(`retry_on: EarthOne also tries again what ended with ${unasked.join(', ')}`);
  }
  return {
    image,
    cpus: size.cpus,
    memory: size.memory,
    timeout: words.timeout ?? (timeout === null ? null : Math.ceil(timeout)),
    retryCount,
    maximumConcurrency,
    tags: [...new Set(words.tags)],
    notices: [...(notice === null ? [] : [notice]), ...passedOver, ...notices],
  };
}

function sizeOf(
  spec: JobSpec,
  words: TaskWords,
): { readonly cpus: number; readonly memory: number; readonly notice: string | null } {
  const cpus = words.cpus ?? spec.cpus;
  const { memory } = spec.policy;
  const asked = words.memory ?? (memory === null ? null : Math.ceil(memory / MB));
  // Tasks had any memory with any cpus, and jobs that were written for it name the memory alone.
  const room = words.memory !== undefined && words.cpus === undefined ? roomFor(cpus, words.memory) : null;
  if (room === null) return { cpus, memory: soldMemory(cpus, asked), notice: null };
  const isAsAsked = room.cpus === cpus && room.memory === words.memory;
  const notice = isAsAsked
    ? null
    : `task_kwargs.memory: EarthOne sells no ${pair(cpus, words.memory ?? 0)}, so it is ${pair(room.cpus, room.memory)}`;
  return { ...room, notice };
}
