/**
 * What `dl_jobs.job` of the Python guest asks for: to run a job that a Python program made, to call a job function, and
 * to read a run back. The program holds the argument list and is asked for it; see `python/dl_jobs/_core.py`.
 */
import type { Writable } from 'node:stream';
import { DlJobsError } from '../base/errors.js';
import { loadSettings } from '../config/load.js';
import { outcomeTexts } from '../outputs/outcomes.js';
import type { RunSummary } from '../outputs/summary.js';
import { storedSummary } from '../outputs/stored-summary.js';
import { viewRun } from '../outputs/run-state.js';
import { loadPlatform } from '../platforms/registry.js';
import { readRun, runPaths } from '../store/run-folder.js';
import { withJobDefaults } from './ambient.js';
import { printRunLogs } from './print-logs.js';
import { isStreamed, jobOf } from './python-job.js';
import type { PythonLines } from './python-lines.js';
import { runJobs, type InvocationOptions } from './run-jobs.js';
import { run, type RunOptions } from './run.js';

/** The first line that the program sends. */
export type PythonRequest =
  | {
      readonly do: 'run';
      /** As `DLJob.spec` of the guest gives it. */
      readonly spec: Readonly<Record<string, unknown>>;
      /** Null: where the job says. */
      readonly where: 'local' | 'platform' | null;
      /** What each task came to is wanted, of a run that ran here. */
      readonly values: boolean;
    }
  | { readonly do: 'call'; readonly options: Omit<RunOptions, keyof InvocationOptions> }
  | { readonly do: 'values'; readonly run: string }
  | { readonly do: 'print_logs'; readonly run: string };

/** What the program is told last. */
type Answer =
  | { readonly done: readonly PlainSummary[] }
  | { readonly failed: { readonly code: string; readonly message: string; readonly hint: string | null } };

interface PlainSummary {
  readonly [key: string]: unknown;
}

/** Does what is asked, and tells the program of it. Rejects only for a bug. */
export async function serveProgram(
  lines: PythonLines,
  answers: Writable,
  context: InvocationOptions & { readonly cwd: string },
): Promise<RunSummary[]> {
  try {
    const summaries = await answerTo(
      (await lines.next()) as unknown as PythonRequest,
      lines,
      answers,
      context,
    );
    await tell(answers, { done: await Promise.all(summaries.map(plainSummary)) });
    return summaries;
  } catch (error) {
    if (!(error instanceof DlJobsError)) throw error;
    const { code, message, hint = null } = error;
    await tell(answers, { failed: { code, message, hint } });
    return [];
  }
}

async function answerTo(
  request: PythonRequest,
  lines: PythonLines,
  answers: Writable,
  context: InvocationOptions & { readonly cwd: string },
): Promise<RunSummary[]> {
  switch (request.do) {
    case 'run': {
      const { spec, where, values } = request;
      const summary = await runSpec(spec, where, lines, context);
      if (values && (await isLocal(summary))) {
        await sendValues(summary.paths.run, answers);
      }
      return [summary];
    }
    case 'call':
      return await run({ ...context, ...request.options });
    case 'values':
      await sendValues(request.run, answers);
      return [];
    case 'print_logs':
      printRunLogs(storedSummary(viewRun(runPaths(request.run))), context);
      return [];
  }
}

async function runSpec(
  spec: Readonly<Record<string, unknown>>,
  where: 'local' | 'platform' | null,
  lines: PythonLines,
  context: InvocationOptions & { readonly cwd: string },
): Promise<RunSummary> {
  const base = await loadSettings({ cwd: context.cwd, env: context.env ?? process.env });
  const commandLine = where === 'local' ? { is_dev: true } : {};
  const obeysDev = where === 'local';
  const elements = isStreamed(spec)
    ? lines.elements(0, `${String(spec['module_name'])}.${String(spec['method_name'])}`)
    : undefined;
  const job = withJobDefaults({ base, commandLine, obeysDev }, () => jobOf(spec, elements));
  const [summary] = await runJobs([job], {
    ...context,
    base,
    settings: commandLine,
    obeysDev,
    onPlatform: where === 'platform',
  });
  return summary as RunSummary;
}

/** What is written at a time. */
const PIECE = 65_536;

/** A line for each task that has an outcome: `{"t":3,"v":value}`, or `{"t":3,"f":failure type,"v":line of errors}`. */
async function sendValues(dir: string, answers: Writable): Promise<void> {
  const paths = runPaths(dir);
  let piece = '';
  for (const { task, failure, json } of outcomeTexts(paths, readRun(paths))) {
    const how = failure === null ? '' : `"f":"${failure}",`;
    piece += `{"t":${task},${how}"v":${json === '' ? 'null' : json}}\n`;
    if (piece.length < PIECE) continue;
    await write(answers, piece, 'latin1');
    piece = '';
  }
  await write(answers, piece, 'latin1');
}

async function tell(answers: Writable, answer: Answer): Promise<void> {
  await write(answers, `${JSON.stringify(answer)}\n`, 'utf8');
}

/** Resolves once it is handed over, or the reader is gone. */
async function write(answers: Writable, text: string, encoding: 'utf8' | 'latin1'): Promise<void> {
  await new Promise<void>((resolve) => answers.write(text, encoding, () => resolve()));
}

async function isLocal({ spec }: RunSummary): Promise<boolean> {
  return (await loadPlatform(spec.platform)).capabilities.local;
}

/** By the names that Python has. */
async function plainSummary(summary: RunSummary): Promise<PlainSummary> {
  const { id, name, spec, status, reason, round, counts, failures, paths, moved, failed } = summary;
  return {
    id,
    name,
    spec,
    status,
    reason,
    round,
    counts,
    failures,
    paths,
    moved,
    failed,
    duration_ms: summary.durationMs,
    p50_ms: summary.p50Ms,
    p95_ms: summary.p95Ms,
    is_local: await isLocal(summary),
  };
}
