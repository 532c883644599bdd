/** `cancel`: ends a run from outside, and sees to it that none of its processes is left. */
import { existsSync, rmSync } from 'node:fs';
import { InfrastructureError } from '../base/errors.js';
import { isLive, viewRun, type RunOverview, type RunStatus } from '../outputs/run-state.js';
import { roundElsewhere } from '../outputs/unwatched.js';
import { lockState, type LockFile } from '../store/lock.js';
import { lives } from '../store/process-identity.js';
import { makeRequest } from '../store/requests.js';
import type { RunPaths } from '../store/run-folder.js';
import { adoptRun } from './adopt.js';
import { executeRound } from './execute.js';
import { SeenHosts } from './seen-hosts.js';

/** How often the run is looked at. */
const LOOK_MS = 100;
/** A controller that gives no sign for this long is stuck. It raises its lock's counter every 5 seconds. */
const SILENT_MS = 20_000;
/** One that gives signs, but does not take the request: it prepares a round of a very large run, at most for this long. */
const UNHEARD_MS = 60_000;
/** A killed process may be in the middle of a write that a slow disk does not finish. */
const DYING_MS = 10_000;

export interface CancelOutcome {
  /**
   * `idle`: nobody controls it, nothing was done. `queued`: it ends as soon as its turn comes. `ended`: its controller
   * has ended it. `killed`: its controller gave no sign and was killed.
   */
  readonly how: 'idle' | 'queued' | 'ended' | 'killed';
  /** Of the run, now. */
  readonly status: RunStatus;
  readonly overview: RunOverview;
  /** Who controlled it; null: nobody. */
  readonly controller: LockFile | null;
  /** So many hosts were seen to end. */
  readonly hosts: number;
}

export interface CancelOptions {
  /** Told once when the controller does not answer at once. */
  readonly onWait?: (controller: LockFile) => void;
}

/**
 * Ends a run. Resolves once nobody controls it and none of its hosts is left.
 *
 * Throws RUN_LOCKED when that cannot be brought about from here: its controller is on another machine and does not
 * react (the request stays), or a process of it cannot be killed.
 */
export async function cancelRun(paths: RunPaths, options: CancelOptions = {}): Promise<CancelOutcome> {
  const before = viewRun(paths);
  const { controller } = before;
  const outcome = (how: CancelOutcome['how'], hosts: number): CancelOutcome => {
    const overview = viewRun(paths);
    return { how, status: overview.state.status, overview, controller, hosts };
  };
  if (before.isUnwatched === true) {
    await endElsewhere(paths);
    return outcome('ended', before.state.hosts.length);
  }
  if (controller === null) return outcome('idle', 0);
  const request = makeRequest(paths, 'cancel');
  if (before.state.status === 'queued') return outcome('queued', 0);
  const hosts = new SeenHosts(controller);
  const reacted = await waitForEnd(paths, controller, request, hosts, options);
  if (!reacted && lives(controller) === 'unknown' && roundElsewhere(paths) !== null) {
    // It was on another machine and is gone: whoever takes its place can end the round from here.
    await endElsewhere(paths);
    return outcome('ended', hosts.count);
  }
  if (!reacted) await kill(paths, controller);
  // Who takes the run up again does not want to be canceled at once.
  rmSync(request, { force: true });
  const left = await hosts.end();
  if (left.length > 0) {
    throw new InfrastructureError(
      'RUN_LOCKED',
      `${paths.dir}: its controller has ended, but of its processes these could not be killed: ${left.join(', ')}`,
      { hint: 'They wait for the system, perhaps for a disk that does not answer: `ps` shows their state.' },
    );
  }
  return outcome(reacted ? 'ended' : 'killed', hosts.count);
}

/** Takes the place of the controller that is gone, to end the round. */
async function endElsewhere(paths: RunPaths): Promise<void> {
  const prepared = await adoptRun(paths, { variables: {} });
  if (prepared === null) return;
  makeRequest(paths, 'cancel');
  const never = new AbortController().signal;
  const silent = { notice: () => undefined, warn: () => undefined };
  await executeRound(prepared, { reporter: silent, signal: never, killSignal: never });
}

/** Resolves once nobody controls the run any more: true; false: the controller shows no sign of doing anything. */
async function waitForEnd(
  paths: RunPaths,
  controller: LockFile,
  request: string,
  hosts: SeenHosts,
  { onWait }: CancelOptions,
): Promise<boolean> {
  const begin = performance.now();
  let lastSign = begin;
  let signs = '';
  for (let told = false; ;) {
    const { state, holder } = lockState(paths);
    // Another id: it has ended, and somebody went on with the run already.
    if (state === 'free' || holder?.id !== controller.id) return true;
    const overview = viewRun(paths);
    hosts.look(overview.state.hosts);
    const isHeard = !existsSync(request);
    const now = performance.now();
    const seen = `${holder.counter} ${overview.state.at} ${String(isHeard)}`;
    if (seen !== signs && signs !== '') lastSign = now;
    signs = seen;
    if (now - lastSign >= SILENT_MS || (!isHeard && now - begin >= UNHEARD_MS)) return false;
    if (!told && now - begin >= 1_500) {
      onWait?.(controller);
      told = true;
    }
    await pause();
  }
}

async function kill(paths: RunPaths, controller: LockFile): Promise<void> {
  const hint = `The request stays: the run ends when its controller looks. Where it runs, \`kill -9 ${controller.pid}\` ends it at once.`;
  const name = `${paths.dir} is controlled by process ${controller.pid} on ${controller.host}, which`;
  const alive = lives(controller);
  // Without the time of its start, another process may have its number by now.
  if (alive === 'unknown' || (alive === 'yes' && controller.began === '')) {
    throw new InfrastructureError('RUN_LOCKED', `${name} did not react for ${SILENT_MS / 1000} seconds`, {
      hint,
    });
  }
  try {
    if (alive === 'yes') process.kill(controller.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw new InfrastructureError('RUN_LOCKED', `${name} does not react, and is not yours to kill`, {
        hint,
        cause: error,
      });
    }
  }
  const end = performance.now() + DYING_MS;
  while (lives(controller) === 'yes') {
    await pause();
    if (performance.now() < end) continue;
    throw new InfrastructureError('RUN_LOCKED', `${name} was killed, but the system does not end it`, {
      hint,
    });
  }
}

/** The run of an invocation that can be canceled now: the one that runs, else the first that is queued. */
export function cancelable(runs: readonly RunPaths[]): RunPaths | null {
  const live = runs
    .map((paths) => viewRun(paths))
    .filter(({ state, controller, isUnwatched }) => {
      return isLive(state.status) && (controller !== null || isUnwatched === true);
    });
  const current = live.find(({ state }) => state.status !== 'queued') ?? live[0];
  return current?.paths ?? null;
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
