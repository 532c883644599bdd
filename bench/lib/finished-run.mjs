import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What a run leaves in a project. */
export const RUN_LEAVES = ['results', 'errors', 'logs', 'dl_jobs/runs'];

/** The folder of the run that was made, in this process. */
let madeIn = null;

/**
 * A finished run in bench/project, the only one there: a million no-op tasks, of which a thousand failed. It is made
 * when it is first asked for, and goes when the benchmark ends.
 *
 * @returns {{ cwd: string, tasks: number }}
 */
export function finishedRun({ bench, dlJobs, quick, workers, env }) {
  const cwd = join(bench, 'project');
  const tasks = quick ? 100_000 : 1_000_000;
  const runs = join(cwd, 'dl_jobs/runs');
  if (madeIn === runs && existsSync(runs)) return { cwd, tasks };
  const clean = () => {
    for (const folder of RUN_LEAVES) rmSync(join(cwd, folder), { recursive: true, force: true });
  };
  clean();
  process.once('exit', clean);
  const words = ['run', 'bench.some_fail', String(tasks), String(workers)];
  const made = spawnSync(process.execPath, [dlJobs, ...words], { cwd, env, encoding: 'utf8' });
  // Some tasks fail, so the exit code is 1.
  if (made.status !== 1 || !made.stderr.includes(`${tasks / 1000} errors`)) {
    throw new Error(
      `the run to look at could not be made: ${made.error?.message ?? made.stderr.slice(-2000)}`,
    );
  }
  madeIn = runs;
  return { cwd, tasks };
}
