/** What `task_kwargs` of a job come to on a platform that has no words of its own for them. */
import { overlay, type ResolvedSettings } from '../config/load.js';
import type { Settings } from '../config/settings.js';
import { readTaskKwargs, wordsAsSettings } from '../config/task-kwargs.js';
import type { Platform } from '../contract/platform.js';
import type { DLJobOptions } from './options.js';

/** Slurm has a comment, which is one text. */
const NO_LABELS = 'there are no labels; a job has a comment: `slurm: {comment: …}`';

/**
 * The settings of a job with what its `task_kwargs` say, which counts more than its options and less than the command
 * line. Throws JOB_INVALID for a key that there is not, or a value that cannot be meant.
 */
export function withTaskKwargs(
  settings: ResolvedSettings,
  { moduleName, taskKwargs = {} }: DLJobOptions,
  { name, capabilities }: Platform,
): { readonly settings: ResolvedSettings; readonly notices: readonly string[] } {
  if (capabilities.taskKwargs !== 'settings') return { settings, notices: [] };
  const { words, notices } = readTaskKwargs(taskKwargs, {
    platform: name,
    code: 'JOB_INVALID',
    passesOver: { labels: NO_LABELS, tags: NO_LABELS },
  });
  const said = wordsAsSettings(words) as Partial<Settings>;
  return { settings: overlay(settings, 'job', said, `task_kwargs of DLJob ${moduleName}`), notices };
}
