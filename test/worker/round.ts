/** A round of a worker, with real processes that do what its arguments say: see scripted-host.mjs. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { TaskBatch, TaskSpan } from '../../src/contract/platform.js';
import type { Policy } from '../../src/contract/policy.js';
import type { EndRecord, JournalRecord, StartRecord } from '../../src/contract/record.js';
import type { JobSpec } from '../../src/contract/spec.js';
import { Worker } from '../../src/worker/worker.js';
import { repoRoot } from '../support/project.js';

/** What a task does. */
export type Act = 'ok' | 'again' | 'hang' | 'obstinate' | 'late' | 'silent' | 'die';

export interface Options {
  readonly policy?: Partial<Policy>;
  readonly hosts?: number;
  /** Tasks that are handed out together. @default 1 */
  readonly together?: number;
}

const NO_POLICY: Policy = {
  retries: 0,
  retryOn: ['crash', 'oom', 'timeout'],
  retryDelay: 0,
  timeout: null,
  memory: null,
  maxFailures: null,
  failFast: false,
  shuffle: false,
};

/** Starts a worker over tasks that do these things. */
export function startRound(acts: readonly Act[], { policy = {}, hosts = 1, together = 1 }: Options = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'dl-jobs-round-'));
  mkdirSync(join(dir, 'logs'));
  const entries: { span: TaskSpan | null; records: JournalRecord[] }[] = [];
  const warnings: string[] = [];
  let written = 0;
  let next = 0;
  const line = (task: number) => Buffer.from(`${JSON.stringify(acts[task])}\n`);
  const take = (): TaskBatch | null => {
    const count = Math.min(together, acts.length - next);
    if (count === 0) return null;
    const first = next;
    next += count;
    const args = Buffer.concat(Array.from({ length: count }, (_, i) => line(first + i)));
    return { tasks: [[first, count]], count, args };
  };
  const worker = new Worker({
    round: {
      spec: {
        taskConcurrency: 1,
        language: 'node',
        policy: { ...NO_POLICY, ...policy },
      } as Partial<JobSpec> as JobSpec,
      runId: 'run',
      round: 1,
      dir,
      code: dir,
      entry: join(dir, 'entry'),
      projectRoot: dir,
      cwd: dir,
      writer: 'w',
      source: { take, remaining: () => acts.length - next, line },
      journal: {
        writeNow: () => (written = entries.length),
        append: (pieces, span) => {
          const text = Buffer.concat(pieces).toString('utf8').trimEnd();
          entries.push({ span, records: text.split('\n').map((each) => JSON.parse(each) as JournalRecord) });
        },
      },
      digests: 'none',
      env: {},
      redact: [],
      warn: (text) => warnings.push(text),
    },
    hosts,
    command: () => ({
      command: process.execPath,
      args: [join(repoRoot, 'test/worker/scripted-host.mjs')],
      env: process.env,
      cwd: dir,
    }),
  });
  onTestFinished(async () => {
    worker.stop(0);
    await worker.done.catch(() => undefined);
    rmSync(dir, { recursive: true, force: true });
  });
  const records = (of = entries) => of.flatMap((entry) => entry.records);
  const isStart = (record: JournalRecord): record is StartRecord => record.k === 'start';
  return {
    dir,
    worker,
    entries,
    warnings,
    ends: () => records().filter((record): record is EndRecord => record.k === 'end'),
    starts: () => records().filter(isStart),
    /** Of those the ones that would be known if this process ended now. */
    writtenStarts: () => records(entries.slice(0, written)).filter(isStart),
  };
}
