/** Kills what a plan says, at the moment that it says. */
import type { Command } from './project.js';
import type { Kill, Phase } from './plan.js';
import { killNow, killTarget } from './processes.js';
import type { Random } from './random.js';
import { readFileSync } from 'node:fs';
import type { Scene } from './scene.js';

/** What was hit. */
export interface Hit {
  readonly phase: Phase;
  /** What a `resume` was in the middle of, or the phase again. */
  readonly within: Phase;
  readonly target: Kill['target'];
  readonly moment: string;
  /** Processes that ran user code and were killed while their controller lived. */
  readonly hosts: number;
}

const PHASE_OF: Readonly<Record<string, Phase>> = { resume: 'resuming', retry: 'retrying' };

/** Everything of a round ends within this, unless it hangs. */
const PATIENCE_MS = 120_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for the moment, and kills. Resolves when the command has ended; null: it had before the moment came. */
export async function strike(
  kill: Kill,
  command: Command,
  round: { readonly scene: Scene; readonly mark: string; readonly random: Random },
  watch: Watch,
): Promise<Hit | null> {
  const { scene, mark, random } = round;
  const { moment, target, delayMs, controllerAfterMs } = kill;
  const end = performance.now() + PATIENCE_MS;
  while (command.result === null && !watch.isTime()) {
    if (performance.now() > end) break;
    await (watch.isNear(scene) ? new Promise((resolve) => setImmediate(resolve)) : sleep(1));
  }
  if (command.result === null && delayMs > 0) await sleep(delayMs);
  if (command.result !== null) return null;
  const report = killTarget(target, command.pid, mark, random);
  let hosts = report.controller ? 0 : report.hosts;
  if (!report.controller && controllerAfterMs !== null) {
    await sleep(controllerAfterMs);
    if (command.result === null) killNow(command.pid);
  } else if (!report.controller && report.hosts === 0) {
    // There was no host yet, or no more.
    killNow(command.pid);
    hosts = 0;
  }
  const within = phaseNow(scene, watch, moment.at);
  await endOf(command);
  return {
    phase: PHASE_OF[command.words[0] ?? ''] ?? within,
    within,
    target,
    moment: moment.at,
    hosts,
  };
}

/** Rejects when the command does not end. */
export async function endOf(command: Command): Promise<void> {
  const timer = setTimeout(() => {
    try {
      process.kill(command.pid, 'SIGABRT');
    } catch {
      // It has just ended.
    }
  }, PATIENCE_MS);
  await command.ended;
  clearTimeout(timer);
}

/** What is looked at while a command runs; made before it starts. */
export class Watch {
  readonly isTime: () => boolean;
  readonly #shards: ReadonlySet<string>;
  readonly #isShort: boolean;

  constructor(scene: Scene, kill: Kill) {
    this.isTime = scene.watch(kill.moment);
    this.#shards = new Set(scene.shards());
    this.#isShort = kill.moment.at === 'end' || kill.moment.at === 'temp';
  }

  /** The moment may be over within less than a millisecond. */
  isNear(scene: Scene): boolean {
    return this.#isShort && scene.allExecutions() >= scene.tasks;
  }

  newShards(scene: Scene): string[] {
    return scene.shards().filter((path) => !this.#shards.has(path));
  }
}

function phaseNow(scene: Scene, watch: Watch, moment: Kill['moment']['at']): Phase {
  const shards = watch.newShards(scene);
  const hasOutcome = shards.some((path) => readFileSync(path, 'latin1').includes('"k":"end'));
  if (!hasOutcome && moment !== 'end') return 'start-up';
  if (['output', 'temp', 'end'].includes(moment) || scene.allExecutions() >= scene.tasks) {
    return 'writing outputs';
  }
  return scene.argumentLines().sealed ? 'running' : 'producing arguments';
}
