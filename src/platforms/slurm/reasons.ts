/** What Slurm's words mean: why a job waits, and how it ended. */
import type { JobEnd } from './client.js';

/** Why jobs wait: the most common reasons of those that `squeue` names. */
const REASONS: Readonly<Record<string, string>> = {
  None: 'Slurm has not looked at it yet',
  Resources: 'the nodes that it needs are in use; it is next in line',
  Priority: 'jobs with a higher priority are before it',
  Dependency: 'it waits for another job',
  DependencyNeverSatisfied: 'the job that it waits for failed: it will never start',
  BeginTime: 'it may not start before a certain time, as after it was requeued',
  JobArrayTaskLimit: 'as many elements of its array run as may at a time',
  JobHeldUser: 'it is held: `scontrol release` lets it go',
  JobHeldAdmin: 'an administrator holds it',
  JobHoldMaxRequeue: 'it was requeued too often, and is held',
  ReqNodeNotAvail: 'a node that it needs is down, reserved or being drained',
  UnavailableNodes: 'a node that it needs is not available',
  NodeDown: 'a node that it needs is down',
  Reservation: 'it waits for its reservation',
  Licenses: 'it waits for a license',
  PartitionDown: 'its partition is down',
  PartitionInactive: 'its partition takes no jobs now',
  PartitionConfig: 'it asks for more than its partition has: as it is, it will never start',
  PartitionNodeLimit: 'it asks for more or fewer nodes than its partition allows: it will never start',
  PartitionTimeLimit: 'it asks for more time than its partition allows: it will never start',
  BadConstraints: 'no node fits what it asks for: it will never start',
  InvalidAccount: 'its account is not valid',
  InvalidQOS: 'its quality of service is not valid',
  AccountNotAllowed: 'its account may not use the partition',
  QOSNotAllowed: 'its quality of service may not be used with the account or partition',
  NodeBusy: 'the nodes that it needs are in use',
  Cleaning: 'what its last run left is being cleaned up',
  Prolog: 'its nodes are being prepared',
  JobLaunchFailure: 'it could not be started',
  RaisedSignal: 'a signal ended it',
  NonZeroExitCode: 'it ended with an exit code that is not 0',
  TimeLimit: 'its time was up',
  OutOfMemory: 'it needed more memory than it had asked for',
  FrontEndDown: 'no machine that starts jobs is up',
  launch_failed_requeued_held: 'it could not be started, and is held: `scontrol release` lets it try again',
};

/** Limits of accounts and of qualities of service have a hundred names, all made in the same way. */
const LIMIT = /^(Assoc|QOS)(?:Grp|Max)?(\w*?)(?:Limit|PerUser|PerAccount|PerAcct|PerJob)*$/;
const LIMITED: readonly (readonly [RegExp, string])[] = [
  [/submit/i, 'jobs in the queue'],
  [/minutes/i, 'computing time'],
  [/gres|gpu/i, 'GPUs'],
  [/cpu/i, 'CPUs'],
  [/mem/i, 'memory'],
  [/node/i, 'nodes'],
  [/wall|time/i, 'time'],
  [/job/i, 'running jobs'],
];

/** A short sentence on why a job waits, without its own name and dot; Slurm's word where it says enough. */
export function explainReason(reason: string): string {
  // `(ReqNodeNotAvail, UnavailableNodes:n[1-2])`
  const [, word = '', detail = ''] = /^\(?([\w-]+)[,\s]*(.*?)\)?$/.exec(reason) ?? [];
  const known = Object.hasOwn(REASONS, word) ? REASONS[word] : undefined;
  const nodes = /UnavailableNodes:(\S+)/.exec(detail)?.[1];
  if (known !== undefined) return nodes === undefined ? known : `${known}: ${nodes}`;
  const limit = LIMIT.exec(word);
  if (limit !== null) {
    const whose = limit[1] === 'QOS' ? 'quality of service' : 'account';
    const what = LIMITED.find(([pattern]) => pattern.test(word))?.[1];
    return `a limit of your ${whose}${what === undefined ? '' : ` on ${what}`} is reached`;
  }
  return reason === '' ? 'Slurm gives no reason' : `Slurm says ${reason}`;
}

/** What Slurm itself does to a job, in signals: it could not make the file for the output of the job. */
const NO_OUTPUT_FILE = 53;

/** A sentence on how a job ended, without its own name and dot. */
export function explainEnd({ state, reason, exit, node }: JobEnd, scriptEnds: ScriptEnds = {}): string {
  const where = node === '' ? '' : ` on ${node}`;
  switch (state) {
    case 'COMPLETED':
      return `ended by itself${where}`;
    case 'OUT_OF_MEMORY':
      return `was killed${where} because it needed more memory than it had asked for`;
    case 'TIMEOUT':
      return `was ended${where} when its time was up`;
    case 'DEADLINE':
      return `was ended${where} because of its deadline`;
    case 'NODE_FAIL':
      return `was lost with its node${node === '' ? '' : ` ${node}`}`;
    case 'BOOT_FAIL':
      return `could not start${where}: the node did not come up`;
    case 'PREEMPTED':
      return `had to make room${where} for a job with more priority`;
    case 'CANCELLED':
      return `was canceled${where}`;
    case 'GONE':
      return 'is not known to Slurm any more';
  }
  if (exit?.signal === NO_OUTPUT_FILE) {
    return `could not start${where}: the file for its output could not be made there; is the folder of the run on a file system that all nodes share?`;
  }
  if (exit !== null && exit.signal > 0) return `was ended${where} by signal ${exit.signal}`;
  if (exit !== null && exit.code > 0) {
    const known = scriptEnds[exit.code];
    return `ended${where} with exit code ${exit.code}${known === undefined ? '' : `: ${known}`}`;
  }
  return `ended as ${state}${reason === '' ? '' : ` (${reason})`}${where}`;
}

/** What exit codes of a batch script mean. */
export type ScriptEnds = Readonly<Record<number, string>>;
