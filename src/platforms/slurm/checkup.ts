/** What `dl_jobs doctor` looks at of Slurm: its commands, its controller, what it allows, and a job. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { DlJobsError } from '../../base/errors.js';
import { failed, ok, warning, type Check, type CheckupContext } from '../../contract/check.js';
import type { JobSpec } from '../../contract/spec.js';
import { checkSlurmOptions } from './options.js';
import { askPartitions, namedPartitions, type Partition } from './partitions.js';
import { partitionText } from './plan.js';
import { arrayArguments, elementsFor, jobName, workerScript } from './request.js';
import { askSite, type SlurmSite } from './site.js';
import { firstComplaint, slurm } from './slurm-cli.js';
import { testOnly } from './test-only.js';
import { tryJob } from './trial-job.js';

/** What runs need. */
const COMMANDS = ['sbatch', 'squeue', 'scancel', 'scontrol'];
const PATIENCE_MS = 15_000;
/** The oldest release whose options are known here. */
const OLDEST = [20, 11] as const;

const UNREACHABLE =
  'See whether `sinfo` works on this machine: slurmctld may be down, or SLURM_CONF may name another cluster.';

export async function* checkSlurm(context: CheckupContext): AsyncGenerator<Check> {
  const { signal } = context;
  const commands = commandsCheck();
  yield commands;
  if (commands.state === 'failed') return;
  const controller = await controllerCheck();
  yield controller;
  if (controller.state === 'failed' || signal.aborted) return;
  const site = await askSite(process.env, PATIENCE_MS);
  const partitions = await askPartitions(process.env, PATIENCE_MS);
  if (site === null || partitions === null) {
    yield failed('slurm', 'it answers, but does not tell its settings', UNREACHABLE);
    return;
  }
  let mayRun = true;
  for await (const check of requestChecks(site, partitions, context)) {
    mayRun &&= check.state !== 'failed';
    yield check;
  }
  if (!mayRun || context.dlsRoot === null || !context.probe || signal.aborted) return;
  try {
    yield* tryJob(context, context.dlsRoot);
  } catch (error) {
    yield broken('job', error);
  }
}

/** What jobs ask for, against what there is. */
async function* requestChecks(
  site: SlurmSite,
  partitions: readonly Partition[],
  context: CheckupContext,
): AsyncGenerator<Check> {
  const { spec, signal } = context;
  yield versionCheck(site);
  yield limitsCheck(site, spec);
  const checks = [...partitionChecks(partitions, spec), ...accountChecks(site, spec)];
  yield* checks;
  if (signal.aborted) return;
  if (spec.gpus > 0) {
    const gpus = await gpusCheck(spec);
    checks.push(gpus);
    yield gpus;
  }
  // What is known to be wrong Slurm would say once more, in fewer words.
  if (checks.every(({ state }) => state !== 'failed')) yield await requestCheck(context);
}

function commandsCheck(): Check {
  const found = COMMANDS.map((name) => [name, onPath(name)] as const);
  const missing = found.flatMap(([name, path]) => (path === null ? [name] : []));
  if (missing.length > 0) {
    return failed(
      'commands',
      `no ${missing.join(', ')} on PATH`,
      'Run this on a login node of the cluster, or load its Slurm module.',
    );
  }
  const folders = [...new Set(found.map(([, path]) => dirname(path ?? '')))];
  return ok('commands', `${COMMANDS.join(', ')} in ${folders.join(', ')}`);
}

function onPath(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not there.
    }
  }
  return null;
}

async function controllerCheck(): Promise<Check> {
  const ran = await slurm('scontrol', ['ping'], { timeoutMs: PATIENCE_MS });
  const [first = ''] = ran.stdout.trim().split('\n');
  // `Slurmctld(primary) at host is UP`; of a second one that is down nothing depends.
  if (/\bUP\b/.test(ran.stdout)) return ok('controller', first);
  return failed('controller', first === '' ? firstComplaint(ran) : first, UNREACHABLE);
}

function versionCheck({ version, hasAccounting }: SlurmSite): Check {
  const text = `${version}${hasAccounting ? ', with accounting' : ', without accounting: how a job ended is known for minutes only'}`;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = version !== '' && (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]));
  return isOld
    ? warning(
        'slurm',
        text,
        `dl_jobs knows Slurm from ${OLDEST.join('.')} on: what is older may lack options.`,
      )
    : ok('slurm', text);
}

function limitsCheck({ mostElements, mostJobs }: SlurmSite, spec: JobSpec): Check {
  const workers = elementsFor(spec, Infinity);
  const text = `arrays of at most ${mostElements} workers, ${mostJobs} jobs of all users; a run has up to ${workers} workers`;
  return workers <= mostJobs
    ? ok('limits', text)
    : warning('limits', text, 'Ask for fewer `max_workers`: so many are never taken.');
}

function* partitionChecks(
  all: readonly Partition[],
  { slurm: { partition, time } }: JobSpec,
): Generator<Check> {
  const { found, missing } = namedPartitions(all, partition);
  const names = all.map(({ name }) => name).join(', ');
  if (found.length === 0 && partition === null) {
    yield failed('partition', `the cluster has no default one; there are ${names}`, 'Set `partition`.');
  }
  if (missing.length > 0) {
    yield failed(
      'partition',
      `there is no ${missing.join(', ')}; there are ${names}`,
      'Set `partition` to one of these.',
    );
  }
  for (const one of found) {
    const text = `${one.name}: ${partitionText(one, time)}`;
    if (one.state !== 'UP')
      yield warning('partition', text, 'Jobs wait until it is up: name another by `partition`.');
    else if (time !== null && one.mostSeconds !== null && time > one.mostSeconds)
      yield failed('partition', text, 'Set a shorter `time`, or another `partition`.');
    else yield ok('partition', text);
  }
}

/** Whether they may be used, Slurm says when it is asked for a job. */
function* accountChecks(
  { hasAccounting }: SlurmSite,
  { slurm: { account, qos } }: JobSpec,
): Generator<Check> {
  const given = [...(account === null ? [] : ['account']), ...(qos === null ? [] : ['qos'])];
  if (given.length === 0 || hasAccounting) return;
  yield warning(
    'account',
    `${given.map((name) => `\`${name}\``).join(' and ')} cannot be checked: this cluster has no accounting`,
    'Leave it out, unless those who run the cluster say otherwise.',
  );
}

async function gpusCheck({ gpus, gpuType, slurm: { partition } }: JobSpec): Promise<Check> {
  const wanted = `${gpuType === null ? '' : `${gpuType}:`}${gpus}`;
  const where = partition === null ? [] : ['-p', partition];
  const ran = await slurm('sinfo', ['-h', ...where, '-o', '%G|%D'], { timeoutMs: PATIENCE_MS });
  if (ran.outcome !== 'ok') return warning('gpus', firstComplaint(ran), UNREACHABLE);
  const nodes = ran.stdout.split('\n').flatMap((line) => {
    const [gres = '', count = ''] = line.split('|');
    return gresGpus(gres).map((one) => ({ ...one, nodes: Number(count) }));
  });
  const fitting = nodes.filter(({ type, count }) => count >= gpus && (gpuType === null || type === gpuType));
  const text =
    nodes.length === 0
      ? 'no node has any'
      : nodes.map((one) => `${one.nodes} × ${one.type === '' ? '' : `${one.type}:`}${one.count}`).join(', ');
  return fitting.length > 0
    ? ok('gpus', `nodes have ${text}; a task asks for ${wanted}`)
    : failed(
        'gpus',
        `${text}; a task asks for ${wanted}`,
        "Set `gpus` to what nodes have, or another `partition`: `sinfo -o '%P %G'` lists them.",
      );
}

/** `gpu:a100:2(S:0-1),gpu:2,craynetwork:4` */
function gresGpus(text: string): { readonly type: string; readonly count: number }[] {
  return [...text.matchAll(/(?:^|,)gpu(?::([A-Za-z][^:,(]*))?:(\d+)/g)].map(([, type = '', count]) => ({
    type,
    count: Number(count),
  }));
}

/** Slurm itself says whether it would take such a job. */
async function requestCheck({ spec, projectRoot, dlsRoot }: CheckupContext): Promise<Check> {
  try {
    await checkSlurmOptions(spec.slurm.options, process.env);
    const dir = join(dlsRoot ?? projectRoot, 'runs', 'doctor');
    const args = arrayArguments(spec, { name: jobName('doctor', 1, 1), dir, elements: 1 });
    const script = workerScript(spec, { dir, round: 1, projectRoot });
    const verdict = await testOnly(args, script, process.env, PATIENCE_MS);
    if (verdict.kind === 'refused') return broken('request', verdict.error);
    if (verdict.kind === 'silent') return warning('request', verdict.text, UNREACHABLE);
    return ok('request', `what a worker asks for: ${verdict.text}`);
  } catch (error) {
    return broken('request', error);
  }
}

/** What an error says, as a check. */
function broken(name: string, error: unknown): Check {
  if (!(error instanceof DlJobsError)) throw error;
  return failed(name, error.message, error.hint ?? '');
}
