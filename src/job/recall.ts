/** Calls the job function that made a run once more, from the run's own snapshot, with the words of then. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { JobError } from '../base/errors.js';
import type { ResolvedSettings } from '../config/load.js';
import type { JobOrigin, RunFile } from '../contract/spec.js';
import { pythonModule } from '../snapshot/python-module.js';
import { bindWords } from '../snapshot/signature.js';
import type { RunPaths } from '../store/run-folder.js';
import { withJobDefaults } from './ambient.js';
import type { DLJob } from './dl-job.js';
import { importJobModule, moduleSignatures } from './job-function.js';
import { mapStack } from './map-stack.js';
import { callPythonJob } from './python-job.js';
import { jobsOf } from './run.js';

/**
 * The job that the function returns now; null when no job function made the run.
 *
 * Throws ARGS_CHANGED when it returns another job than then, and what the function throws.
 */
export async function recallJob(
  paths: RunPaths,
  run: RunFile,
  base: ResolvedSettings,
): Promise<DLJob | null> {
  const { origin } = run;
  if (origin === null) return null;
  const code = join(paths.code, run.code);
  const source = join(code, origin.file);
  if (!existsSync(source)) return null;
  if (origin.file.endsWith('.py')) return await recallPython(code, run, origin, base);
  const signature = (await moduleSignatures(source, join(paths.dir, '..', '..'))).find(
    ({ name }) => name === origin.method,
  );
  if (signature === undefined) return null;
  const mapping = (stack: string): string => mapStack(stack, code, run.projectRoot);
  const loaded = [`${source}.mjs`, `${source}.cjs`].find((path) => existsSync(path)) ?? source;
  const fn = await importJobModule(loaded, origin.file, origin.method, mapping);
  const bound = bindWords(signature, origin.args, origin.kwargs, origin.method);
  let returned: unknown;
  try {
    returned = await withJobDefaults({ base, commandLine: {}, obeysDev: true }, () => fn(...bound));
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    throw new JobError('JOB_INVALID', `${origin.method} threw when it was called again: ${mapping(text)}`, {
      hint: `It was called with the words of then. The run began in ${run.cwd}: stand there if it reads files.`,
      cause: error,
    });
  }
  return sameJob(jobsOf(returned, origin.method), run, origin);
}

async function recallPython(
  code: string,
  run: RunFile,
  { file, method, args, kwargs, job }: JobOrigin,
  base: ResolvedSettings,
): Promise<DLJob> {
  const place = { root: code, module: pythonModule(file), path: join(code, file), file, method };
  const call = { args, kwargs, options: {}, settings: base.values, cwd: process.cwd(), label: method };
  const { jobs } = await withJobDefaults({ base, commandLine: {}, obeysDev: true }, () =>
    callPythonJob({ ...place, python: base.values.python }, call),
  );
  return sameJob(jobs, run, { method, job });
}

/** Of the jobs that a job function returns now, the one that the run is of. */
function sameJob(jobs: readonly DLJob[], run: RunFile, origin: Pick<JobOrigin, 'method' | 'job'>): DLJob {
  const job = jobs[origin.job];
  const { moduleName, methodName } = run.spec;
  if (job === undefined || job.moduleName !== moduleName || job.methodName !== methodName) {
    throw new JobError(
      'ARGS_CHANGED',
      `expected ${origin.method} to return the job ${moduleName}.${methodName} again, got ${job?.method ?? 'none'}`,
      { hint: 'Finish what was recorded of it with `dl_jobs resume --seal`.' },
    );
  }
  return job;
}
