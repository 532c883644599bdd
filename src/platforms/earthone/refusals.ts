/** Jobs that EarthOne cannot run, whatever their size. */
import { JobError } from '../../base/errors.js';
import type { JobSpec } from '../../contract/spec.js';

/**
 * Throws EARTHONE_UNSUPPORTED. Returns what the job asks for that has no meaning there.
 *
 * @param gpus - as asked for by the job or its `task_kwargs`
 */
export function refuse(spec: JobSpec, gpus: number): string[] {
  if (gpus > 0) {
    throw new JobError('EARTHONE_UNSUPPORTED', `gpus: EarthOne has none, got ${gpus}`, {
      hint: 'Jobs with GPUs run on slurm: platform: slurm. Without: gpus: 0.',
    });
  }
  if (spec.language !== 'python') {
    throw new JobError('EARTHONE_UNSUPPORTED', `EarthOne runs Python functions, got ${spec.file}`, {
      hint: 'Port the task function to Python; the job function may stay as it is. Or choose slurm or local, which run both.',
    });
  }
  const notices: string[] = [];
  if (spec.container !== undefined && spec.container !== 'none') {
    notices.push(`container: ${spec.container} is passed over: tasks run in EarthOne's own image`);
  }
  if (spec.taskConcurrency > 1) {
    notices.push(
      'task_concurrency is passed over: on EarthOne each task has a process of its own; see max_workers',
    );
  }
  return notices;
}
