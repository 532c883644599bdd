/** A job of one worker that tells what its node is like: what `dl_jobs doctor` learns from it. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isRecent, OLDEST_PYTHON } from '../../base/oldest-versions.js';
import { formatDuration } from '../../base/sizes.js';
import { failed, ok, warning, type Check, type CheckupContext } from '../../contract/check.js';
import type { JobSpec } from '../../contract/spec.js';
import { Host, makeMeetingPlace, type Acquaintance, type MachineFacts } from '../../store/acquaintance.js';
import { makeFolder } from '../../store/try-folder.js';
import { makeTool } from '../../store/tool.js';
import { runPaths } from '../../store/run-folder.js';
import { askPython, type PythonFound } from '../../worker/ask-python.js';
import { cancelJobs } from './cancel.js';
import { explainEnd, explainReason } from './reasons.js';
import { arrayArguments, jobName, workerScript } from './request.js';
import { SCRIPT_ENDS } from './batch-script.js';
import { slurm } from './slurm-cli.js';
import { isEnded, parseQueue, QUEUE_FORMAT, type QueueEntry } from './squeue.js';
import { submitArray } from './submit.js';

/** It is over in moments; one that asks for little starts sooner. */
const JOB_SECONDS = 300;
/** One that runs is given up when it says nothing for so long. */
const SILENT_MS = 60_000;
const ASK_MS = 1_000;
const PATIENCE_MS = 15_000;
/** What a node wrote may be seen here a little later than that its job has ended. */
const LATE_MS = 3_000;
/** Of what the script wrote. */
const TAIL_LINES = 8;

/** Ends with the job gone, and its folder. */
export async function* tryJob(context: CheckupContext, dlsRoot: string): AsyncGenerator<Check> {
  const cache = makeFolder(join(dlsRoot, 'cache'));
  // What is called so, and was left there by a crash, `dl_jobs clean` removes.
  const dir = join(dlsRoot, 'cache', `doctor-${randomBytes(6).toString('hex')}.tmp`);
  const name = jobName('doctor', 1, randomBytes(4).readUInt32LE());
  const spec = smallJob(context.spec);
  const place = { dir, round: 'checkup', projectRoot: context.projectRoot } as const;
  let job: string | null = null;
  try {
    makeMeetingPlace(dir);
    makeTool(runPaths(dir));
    const { python, container = 'none' } = spec;
    const { projectRoot } = context;
    const host = new Host(dir, { python, container, cwd: projectRoot, paths: [projectRoot] });
    const submitted = await submitArray({
      args: arrayArguments(spec, { name, dir, elements: 1 }),
      script: workerScript(spec, place),
      name,
      env: process.env,
      signal: context.signal,
      giveUpMs: 0,
      timeoutMs: PATIENCE_MS,
    });
    if (submitted.kind === 'limit') throw submitted.error;
    if (submitted.kind === 'aborted') return;
    ({ job } = submitted);
    yield* follow(job, host, dir, context);
    host.close();
  } finally {
    const left = job === null ? [] : (await cancelJobs([job], { env: process.env })).left;
    if (left.length > 0)
      yield warning('clean up', `job ${job} could not be ended`, `End it with \`scancel ${job}\`.`);
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
    cache.undo();
  }
}

/** What one task asks for, for a short time. */
function smallJob(spec: JobSpec): JobSpec {
  const { time } = spec.slurm;
  const slurm = { ...spec.slurm, hostsPerWorker: 1, time: Math.min(time ?? Infinity, JOB_SECONDS) };
  return { ...spec, taskConcurrency: 1, slurm };
}

async function* follow(job: string, host: Host, dir: string, context: CheckupContext): AsyncGenerator<Check> {
  const { signal } = context;
  const begun = performance.now();
  let [ranAt, endedAt, askedAt] = [Infinity, Infinity, -Infinity];
  let row: QueueEntry | null = null;
  let facts: MachineFacts | string | null = null;
  while (facts === null) {
    if (signal.aborted) return;
    facts = await host.facts(ASK_MS / 4, signal);
    const now = performance.now();
    if (facts !== null || now - askedAt < ASK_MS) continue;
    askedAt = now;
    row = (await lookAt(job)) ?? row;
    if (row === null) {
      if (now - begun < context.waitMs) continue;
      yield failed('job', `Slurm does not tell what became of job ${job}`, UNREACHABLE);
      return;
    }
    if (isEnded(row.state)) {
      endedAt = Math.min(endedAt, now);
      if (now - endedAt < LATE_MS) continue;
      yield endedEarly(job, row, dir);
      return;
    }
    if (row.state === 'PENDING') {
      if (now - begun < context.waitMs) continue;
      yield pendingCheck(job, row, context.waitMs);
      return;
    }
    ranAt = Math.min(ranAt, now);
    if (now - ranAt < SILENT_MS) continue;
    yield failed(
      'job',
      `job ${job} runs on ${row.node}, but nothing is heard from there for ${SILENT_MS / 1000} seconds${outputOf(dir)}`,
      `See whether ${dir} is on a file system that ${row.node} shares with this machine.`,
    );
    return;
  }
  if (typeof facts === 'string') {
    yield failed('job', `job ${job}: ${facts}`, 'Mend it on the node that it ran on.');
    return;
  }
  const seconds = (performance.now() - begun) / 1_000;
  yield ok('job', `job ${job} ran on ${facts.host}, heard of after ${formatDuration(seconds)}`);
  yield* factChecks(facts, context);
  const met = await host.meet(signal);
  if (signal.aborted) return;
  yield* meetingChecks(facts.host, met);
}

const UNREACHABLE = 'See whether `squeue` works, and run it again.';

/** Null: nobody answers, or it is not shown yet. */
async function lookAt(job: string): Promise<QueueEntry | null> {
  const { stdout } = await slurm('squeue', ['-h', '-r', '-t', 'all', '-j', job, '-O', QUEUE_FORMAT], {
    timeoutMs: PATIENCE_MS,
  });
  return parseQueue(stdout)[0] ?? null;
}

function pendingCheck(job: string, { reason }: QueueEntry, waitMs: number): Check {
  const why = explainReason(reason);
  const text = `job ${job} still waited after ${formatDuration(waitMs / 1_000)}: ${reason || 'no reason is given'} (${why})`;
  if (/will never start|is held|is not valid|may not/.test(why)) {
    return failed('job', text, 'Change what jobs ask for, as `partition` and `time`, until it can start.');
  }
  return warning(
    'job',
    `${text}; it was removed, and the nodes were not looked at`,
    'Wait longer with `--wait 10m`, or name a partition with free nodes by `--partition`.',
  );
}

function endedEarly(job: string, row: QueueEntry, dir: string): Check {
  const how = explainEnd(row, SCRIPT_ENDS);
  const output = outputOf(dir);
  const isSilent = output === '' && row.state === 'COMPLETED';
  return failed(
    'job',
    `job ${job} ${how}${isSilent ? ', and what it wrote is not seen here' : ''}${output}`,
    isSilent || row.exit?.signal === NO_OUTPUT_FILE
      ? 'Set `dls_root` to a folder on a file system that this machine and all nodes share.'
      : 'Mend what it says; `setup` and `node` decide on what a node runs.',
  );
}

/** The signal that Slurm has for "its output file could not be made". */
const NO_OUTPUT_FILE = 53;

/** What the script wrote, as further lines. */
function outputOf(dir: string): string {
  const { logs } = runPaths(dir);
  const lines = readdirSync(logs)
    .flatMap((name) => readFileSync(join(logs, name), 'utf8').split('\n'))
    .filter((line) => line.trim() !== '');
  return lines
    .slice(-TAIL_LINES)
    .map((line) => `\n${line}`)
    .join('');
}

async function* factChecks(
  facts: MachineFacts,
  { spec, projectRoot }: CheckupContext,
): AsyncGenerator<Check> {
  const { host, node, container, python, gpus, missing } = facts;
  yield missing.length === 0
    ? ok('project there', `${projectRoot} is there on ${host}, too`)
    : failed(
        'project there',
        `${host} has no ${missing.join(', ')}`,
        'Move the project to a file system that this machine and all nodes share.',
      );
  const [there, here] = [node.version, process.versions.node];
  const text = `${there}, ${node.path}`;
  yield major(there) === major(here)
    ? ok('node there', text)
    : warning(
        'node there',
        `${text}; here it is ${here}`,
        'Jobs may behave differently there: set `node`, or load a module in `setup`.',
      );
  if (container !== null) {
    yield typeof container === 'string'
      ? failed('container there', container, 'Set `container` to what nodes have, or to `none`.')
      : ok('container there', `${container.program} runs ${spec.image}`);
  }
  yield pythonThere(python, await askPython(spec.python, projectRoot), spec.python);
  if (spec.gpus > 0) {
    const count = gpus === null || gpus === '' ? 0 : gpus.split(',').length;
    yield count >= spec.gpus
      ? ok('gpus there', `CUDA_VISIBLE_DEVICES=${gpus}`)
      : failed(
          'gpus there',
          `the job asked for ${spec.gpus}, and ${gpus === null ? 'CUDA_VISIBLE_DEVICES is not set' : `CUDA_VISIBLE_DEVICES=${gpus}`}`,
          'Ask those who run the cluster how GPUs are handed out there.',
        );
  }
}

function pythonThere(there: PythonFound | string, here: PythonFound | string, name: string): Check {
  const needed = `Tasks in Python need ${OLDEST_PYTHON.join('.')} or later: set \`python\`, or load a module in \`setup\`.`;
  // Whether the project has tasks in Python nobody knows here.
  if (typeof there === 'string') return warning('python there', `\`${name}\`: ${there}`, needed);
  const text = `${there.version}, ${there.path}`;
  if (!isRecent(there.version, OLDEST_PYTHON)) return warning('python there', text, needed);
  if (typeof here === 'string' || minor(there.version) === minor(here.version))
    return ok('python there', text);
  return warning(
    'python there',
    `${text}; here it is ${here.version}`,
    'Jobs may behave differently there, and `requirements` are installed for the one here: set `python` to the same.',
  );
}

function major(version: string): string {
  return version.split('.', 1)[0] ?? '';
}

function minor(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** What is written there should be seen here sooner. */
const SLOW_MS = 5_000;
/** Nobody reads logs to the second. */
const AHEAD_MS = 5_000;

function* meetingChecks(node: string, met: Acquaintance | string): Generator<Check> {
  if (typeof met === 'string') {
    yield failed('claims', `${node} and this machine did not come to an end: ${met}`, 'Run it again.');
    return;
  }
  const { faults, won, roundTripMs, aheadMs, aheadErrorMs } = met;
  yield faults.length > 0
    ? failed(
        'claims',
        faults.join('; '),
        'The file system of `dls_root` does not keep hard links apart: set `dls_root` to a folder on another.',
      )
    : ok(
        'claims',
        `of what both tried to claim at a time this machine got ${won.here}, ${node} ${won.there}, and nobody the same`,
      );
  const seen = `what is written here is answered by ${node} within ${formatDuration(roundTripMs / 1_000)}`;
  yield roundTripMs < SLOW_MS
    ? ok('shared folder', seen)
    : warning(
        'shared folder',
        seen,
        'Progress is seen that much later; the file system may be mounted with a shorter `actimeo`.',
      );
  const ahead = Math.abs(aheadMs) - aheadErrorMs;
  const direction = aheadMs > 0 ? 'ahead of' : 'behind';
  yield ahead < AHEAD_MS
    ? ok('clock there', 'agrees with the one here')
    : warning(
        'clock there',
        `${formatDuration(Math.abs(aheadMs) / 1_000)} ${direction} the one here`,
        'Runs do not depend on it, but times in their logs do: let both machines use NTP.',
      );
}
