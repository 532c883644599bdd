/** Sends the tasks of a round, as jobs, in batches that the server takes once. */
import type { RoundContext, TaskBatch } from '../../contract/platform.js';
import type { Compute } from './compute.js';
import { referenceOf, tasksOf, type Batch, type Sent, type UsedFunction } from './sent.js';

/** Jobs of one request: the API takes no more, */
const MOST_JOBS = 1_000;
/** and no request is larger than about this. */
const MOST_BYTES = 2 << 20;

const NEWLINE = 10;

export interface SendContext {
  readonly round: RoundContext;
  readonly compute: Compute;
  readonly used: UsedFunction;
  readonly sent: Sent;
  readonly tags: readonly string[];
  readonly signal: AbortSignal;
  /** Does it again while the server does not answer. */
  readonly insist: <T>(what: () => Promise<T>) => Promise<T>;
}

/** All that is left to send. Ends early when `signal` is aborted. */
export async function sendAll(context: SendContext): Promise<void> {
  const { round, sent, signal } = context;
  for (const batch of sent.open) {
    if (signal.aborted) return;
    const pieces = tasksOf(batch.tasks).map((task) => job(task, round.source.line(task)));
    await send(batch, pieces, context);
  }
  for (;;) {
    const gathered = signal.aborted ? null : await gather(context);
    if (gathered === null) return;
    const [[first] = [0]] = gathered.tasks;
    const reference = referenceOf(round.runId, round.round, first);
    await send(sent.begin(gathered.tasks, reference), gathered.pieces, context);
  }
}

async function send(batch: Batch, pieces: readonly string[], context: SendContext): Promise<void> {
  const { compute, used, sent, tags, signal, insist } = context;
  const bulkArgs = Buffer.from(`[${pieces.join(',')}]`);
  const jobs = await insist(() =>
    compute.jobs.createBatch(
      { functionId: used.id, bulkArgs, referenceId: batch.reference, tags },
      { signal },
    ),
  );
  // By the task that each says it is of: nobody promises that they come in order.
  const ids = new Map(jobs.map(({ id, args }) => [args?.[0], id]));
  sent.end(
    batch,
    tasksOf(batch.tasks).map((task, at) => ids.get(task) ?? jobs[at]?.id ?? ''),
  );
}

interface Gathered {
  readonly tasks: readonly (readonly [first: number, count: number])[];
  readonly pieces: readonly string[];
}

/** The next tasks that were not sent before; null: there are none. */
async function gather({ round, sent }: SendContext): Promise<Gathered | null> {
  const tasks: [number, number][] = [];
  const pieces: string[] = [];
  for (let bytes = 0; pieces.length < MOST_JOBS && bytes < MOST_BYTES;) {
    const taken = await round.source.take(MOST_JOBS - pieces.length);
    if (taken === null) break;
    for (const [task, line] of linesOf(taken)) {
      if (sent.has(task)) continue;
      const last = tasks.at(-1);
      if (last !== undefined && last[0] + last[1] === task) last[1]++;
      else tasks.push([task, 1]);
      pieces.push(job(task, line));
      bytes += line.length;
    }
  }
  return pieces.length === 0 ? null : { tasks, pieces };
}

function* linesOf({ tasks, args }: TaskBatch): Generator<[task: number, line: Buffer]> {
  let from = 0;
  for (const [first, count] of tasks) {
    for (let task = first; task < first + count; task++) {
      const end = args.indexOf(NEWLINE, from);
      yield [task, args.subarray(from, end < 0 ? args.length : end)];
      from = end + 1;
    }
  }
}

/** The argument list of a job, as JSON. Arguments pass through as they were written down. */
function job(task: number, line: Buffer): string {
  const text = line.toString('utf8');
  return `[${task},${text.endsWith('\n') ? text.slice(0, -1) : text}]`;
}
