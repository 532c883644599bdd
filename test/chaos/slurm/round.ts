/**
 * One round on a cluster of its own: runs a job, strikes, goes on until it is done, and checks what came of it.
 * lines: one round, told in order.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOSES_NODES, startCluster, type Cluster } from '../../support/slurm-cluster.js';
import { checkEnd } from '../check.js';
import { leftAfter, markedProcesses, tryKill } from '../processes.js';
import { ChaosProject, runWords, type Command, type CommandResult } from '../project.js';
import { Random } from '../random.js';
import type { Report } from '../report.js';
import { Scene } from '../scene.js';
import { countsOf, countsText, totalOf, type Counts } from './counts.js';
import { diagnosis } from './diagnosis.js';
import { Disk } from './disk.js';
import { SlurmHistory } from './history.js';
import { planSlurmRound, STRIKES, type SlurmPlan, type Strike, type StrikeKind } from './plan.js';
import { Striker, type Hit } from './strikes.js';

export interface SlurmReport extends Report {
  readonly hits: readonly Hit[];
  readonly counts: Counts;
}

export interface SlurmRoundOptions {
  readonly repo: string;
  readonly seed: number;
  readonly short: boolean;
  readonly keep: boolean;
}

/** A run that is not done after so many commands, when nothing is broken any more, never will be. */
const FREE_TRIES = 3;
/** Nor is one whose command has not ended so long after all was mended. */
const PATIENCE_MS = 240_000;
/** How long what a run leaves may take to go: Slurm ends by force what does not end, and waits before each start. */
const GONE_WITHIN_S = 45;
/** `cancel` has seen to it that nothing is left; what was told of it needs time on a machine that is slow. */
const CANCELED_WITHIN_S = 20;
/** The journal is looked at this often, */
const LOOK_MS = 2_000;
/** and whether it is time for the next strike. */
const STRIKE_LOOK_MS = 100;

export async function playSlurmRound(round: number, options: SlurmRoundOptions): Promise<SlurmReport> {
  const plan = planSlurmRound(options.seed, round, options.short);
  const mark = `slurm-${options.seed}-${round}-${process.pid}-${Date.now()}`;
  const started = performance.now();
  const disk = new Disk();
  const cluster = await startCluster({
    nodes: 3,
    cpus: 4,
    gpus: 0,
    // Workers on all nodes, and not on the first that has room.
    set: { ...LOSES_NODES, SelectTypeParameters: 'CR_CPU_Memory,CR_LLN' },
  }).catch((error: unknown) => {
    disk.remove();
    throw error;
  });
  const project = new ChaosProject(options.repo, plan, mark, {
    parent: disk.dir,
    settings: {
      max_workers: plan.maxWorkers,
      hosts_per_worker: plan.hostsPerWorker,
      worker_timeout: `${plan.workerTimeout}s`,
    },
    env: cluster.env,
  });
  const random = Random.of(options.seed, round, 'slurm moments');
  const game = new SlurmGame({ plan, project, cluster, disk, random });
  try {
    await game.play();
  } catch (error) {
    game.problem(`the round broke off: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
  }
  const counts = game.counts();
  const keep = options.keep && game.problems.length > 0;
  const kept = keep ? mkdtempSync(join(tmpdir(), 'dl-jobs-chaos-kept-')) : null;
  if (kept !== null) {
    cpSync(project.base, join(kept, 'project'), { recursive: true, verbatimSymlinks: true });
    cpSync(join(cluster.dir, 'log'), join(kept, 'cluster-log'), { recursive: true });
  }
  for (const { pid } of markedProcesses(mark)) tryKill(pid);
  await cluster.stop();
  disk.remove();
  return {
    plan,
    hits: game.hits,
    counts,
    struck: [countsText(counts), ...game.hits.map(({ kind }) => kind)],
    commands: game.commands,
    ms: performance.now() - started,
    problems: game.problems,
    story: game.story,
    kept,
  };
}

interface Game {
  readonly plan: SlurmPlan;
  readonly project: ChaosProject;
  readonly cluster: Cluster;
  readonly disk: Disk;
  readonly random: Random;
}

class SlurmGame {
  readonly hits: Hit[] = [];
  readonly problems: string[] = [];
  readonly story: string[] = [];
  commands = 0;
  readonly #plan: SlurmPlan;
  readonly #project: ChaosProject;
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #scene: Scene;
  readonly #history: SlurmHistory;
  readonly #striker: Striker;
  readonly #began = performance.now();
  #command: Command | null = null;
  /** The command was ended by a strike. */
  #isStruck = false;
  #restUntil = 0;
  /** By a command of its own. */
  #isCanceled = false;
  /** All strikes are done, and undone. */
  #mendedAt: number | null = null;
  #isOver = false;
  #takeovers = 0;

  constructor({ plan, project, cluster, disk, random }: Game) {
    this.#plan = plan;
    this.#project = project;
    this.#cluster = cluster;
    this.#random = random;
    this.#scene = new Scene(project, plan);
    this.#history = new SlurmHistory(plan, this.#scene);
    this.#striker = new Striker(cluster, disk, random, (text) => this.problem(text));
  }

  problem(text: string): void {
    this.problems.push(text);
  }

  async play(): Promise<void> {
    const striking = this.#strikeAll().catch((error: unknown) => {
      this.problem(`a strike failed: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
    });
    let last = await this.#untilDone(() => this.#wordsToFinish());
    this.#isOver = true;
    await striking;
    if (last !== null && this.#plan.retryKills !== null) {
      this.problems.push(...this.#history.beginRetry());
      let begun = false;
      last = await this.#untilDone(() => {
        const words = this.#about(begun ? 'resume' : 'retry');
        begun = true;
        return words;
      });
    }
    this.problems.push(...(await this.#left(GONE_WITHIN_S)), ...this.#bugsOfWorkers());
    if (last === null) return;
    await this.#isNothingLeft();
    this.problems.push(
      ...(await checkEnd({
        plan: this.#plan,
        project: this.#project,
        scene: this.#scene,
        history: this.#history,
        copies: true,
        hostsKilled: this.hits.reduce((sum, { hosts }) => sum + hosts, 0),
        last,
        random: this.#random,
      })),
    );
  }

  counts(): Counts {
    return countsOf(this.#scene.runs());
  }

  async #strikeAll(): Promise<void> {
    const { tasks } = this.#scene;
    for (const strike of this.#plan.strikes) {
      const from = performance.now();
      const isTime = (): boolean =>
        this.#scene.allExecutions() >= tasks * strike.share ||
        (this.#scene.allExecutions() > 0 && performance.now() - from > strike.patienceMs);
      while (!this.#isOver && !isTime()) await sleep(STRIKE_LOOK_MS);
      await sleep(strike.delayMs);
      if (this.#isOver) break;
      await this.#strike(strike);
    }
    await this.#striker.healed();
    this.#tell('all is mended');
    this.#mendedAt = performance.now();
    // What Slurm holds or drains later.
    while (!this.#isOver) {
      await sleep(LOOK_MS);
      await this.#striker.tend();
    }
  }

  async #strike(strike: Strike): Promise<void> {
    const { kind, healMs } = strike;
    const hit = await this.#striker.strike(strike, {
      pid: this.#command?.pid ?? null,
      rest: (ms) => {
        this.#isStruck = true;
        this.#restUntil = performance.now() + ms;
      },
      cancel: () => this.#cancel(),
    });
    const done = `${this.#scene.allExecutions()} executions`;
    this.#tell(`${kind}: ${hit === null ? 'nothing there' : hit.whom}, for ${healMs} ms, after ${done}`);
    if (hit !== null) this.hits.push(hit);
  }

  /** False: there was nothing to cancel. */
  async #cancel(): Promise<boolean> {
    if (this.#scene.runs().length === 0) return false;
    // Nobody goes on with it before it is seen whether anything is left.
    this.#restUntil = Infinity;
    this.#isCanceled = true;
    const isWhole = this.#striker.isWhole;
    const { code, stdout, stderr } = await this.#project.run(['cancel', ...this.#named()]);
    this.#tell(`cancel: exit code ${code}, ${(stdout + stderr).trim()}`);
    if (OUR_STACK.test(stderr)) this.problem(`a bug showed: ${stderr}`);
    if (isWhole && this.#striker.isWhole) {
      if (code !== 0) this.problem(`cancel ended with ${code}: ${stdout}${stderr}`);
      const left = await this.#left(CANCELED_WITHIN_S);
      if (this.#striker.isWhole) this.problems.push(...left.map((one) => `after cancel: ${one}`));
    }
    return true;
  }

  /** Runs commands until all tasks have an outcome. Null: they never got one. */
  async #untilDone(next: () => string[]): Promise<CommandResult | null> {
    let free = 0;
    for (;;) {
      while (performance.now() < this.#restUntil) await sleep(STRIKE_LOOK_MS);
      const isFree = this.#mendedAt !== null;
      const result = await this.#run(next());
      if (result === null) return null;
      if (this.#history.isComplete() && (result.code === 0 || result.code === 1)) return result;
      // A disk that is full is so a moment later.
      if (result.code === 3) await sleep(LOOK_MS);
      if (!isFree || ++free < FREE_TRIES) continue;
      this.problem(`not done after ${this.commands} commands; the last said: ${result.stderr}`);
      this.story.push(...(await diagnosis(this.#cluster, this.#history.runOf())));
      return null;
    }
  }

  #wordsToFinish(): string[] {
    if (this.#scene.runs().length === 0) return [...runWords(this.#plan), '--platform', 'slurm'];
    const { successors } = this.#plan;
    // Where a command has ended by itself, and the run is not done, `attach` has nothing to watch.
    if (!this.#isStruck) return this.#about('resume');
    return this.#about(successors[this.#takeovers++ % successors.length] ?? 'resume');
  }

  #about(command: 'resume' | 'retry' | 'attach'): string[] {
    return [command, ...this.#named()];
  }

  #named(): string[] {
    const [dir] = this.#scene.runs();
    return !this.#plan.namesRun || dir === undefined ? [] : [basename(dir)];
  }

  /** Null: it hung. */
  async #run(words: string[]): Promise<CommandResult | null> {
    this.#isStruck = false;
    // `attach` only tells that the run was canceled.
    if (words[0] !== 'attach') this.#isCanceled = false;
    const wasMended = this.#mendedAt !== null;
    const command = this.#project.start(words);
    this.commands++;
    this.#command = command;
    const began = performance.now();
    let hung = false;
    while (command.result === null) {
      await Promise.race([command.ended, sleep(LOOK_MS)]);
      this.problems.push(...this.#history.look(false));
      const since = Math.max(began, this.#mendedAt ?? Infinity);
      if (command.result !== null || performance.now() - since < PATIENCE_MS) continue;
      hung = true;
      this.story.push(...(await diagnosis(this.#cluster, this.#history.runOf())));
      tryKill(command.pid, 'SIGABRT');
      await command.ended;
    }
    this.#command = null;
    const { result } = command as { result: CommandResult };
    const { code, signal, stderr } = result;
    this.#tell(`${words.slice(0, 2).join(' ')}: ${signal ?? `exit code ${code}`}`);
    for (const line of stderr.trimEnd().split('\n').slice(-12)) this.story.push(`    ${line.slice(0, 300)}`);
    if (hung) this.problem(`it hung: ${stderr}`);
    // A stack of ours, and not of a task: nobody should ever see one.
    if (OUR_STACK.test(stderr)) this.problem(`a bug showed: ${stderr}`);
    if (code !== null && code > 1 && !this.#isExplained(stderr, wasMended))
      this.problem(`exit code ${code}: ${stderr}`);
    this.problems.push(...this.#history.look(true));
    return hung ? null : result;
  }

  /** What was done to the run can be the reason. */
  #isExplained(stderr: string, wasMended: boolean): boolean {
    const was = (kind: StrikeKind): boolean => this.hits.some((hit) => hit.kind === kind);
    if (this.#isCanceled && stderr.includes('canceled')) return true;
    // What `attach` tells of a run that has broken.
    if (was('disk full') && /: interrupted: /.test(stderr)) return true;
    // A controller that was killed while it ended what it could not note on a full disk.
    if (was('disk full') && stderr.includes('canceled while nobody watched')) return true;
    if (wasMended) return false;
    return (
      (was('element canceled') && stderr.includes('canceled')) ||
      (was('disk full') && /no space left|ENOSPC|\[STORE_FAILED\]|\[WORKERS_FAILED\]/i.test(stderr)) ||
      (was('host killed') && stderr.includes('signal SIGKILL while it loaded')) ||
      stderr.includes('[SLURM_UNREACHABLE]')
    );
  }

  /** What of the run is still in Slurm's queue, or runs, and should not. */
  async #left(seconds: number): Promise<string[]> {
    const end = performance.now() + seconds * 1000;
    const isOurs = ({ state }: { state: string }): boolean =>
      !/^(BOOT_FAIL|CANCELLED|COMPLETED|DEADLINE|FAILED|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|TIMEOUT)$/.test(
        state,
      );
    for (;;) {
      await this.#striker.tend();
      // All jobs of this cluster are of this run.
      const queued = (await this.#cluster.squeue()).filter(isOurs);
      const running = this.#cluster.nodes.flatMap((node) =>
        node.processes().filter(({ command }) => command !== 'sleep 1000'),
      );
      const marked = await leftAfter(0, this.#project.mark);
      if (queued.length + running.length + marked.length === 0) return [];
      if (performance.now() < end) {
        await sleep(STRIKE_LOOK_MS);
        continue;
      }
      return [
        ...queued.map(
          ({ id, state, reason, node }) => `still in the queue: ${id} ${state} ${reason} ${node}`,
        ),
        ...running.map(({ pid, command }) => `still on a node: ${pid} ${command}`),
        ...marked.map(({ pid, command }) => `still there: ${pid} ${command}`),
      ];
    }
  }

  /** What workers wrote before they could write anywhere else. */
  #bugsOfWorkers(): string[] {
    const logs = this.#scene.runs().map((dir) => join(dir, 'logs'));
    return logs.flatMap((folder) => {
      if (!existsSync(folder)) return [];
      return readdirSync(folder)
        .filter((name) => name.startsWith('slurm-'))
        .map((name) => readFileSync(join(folder, name), 'utf8'))
        .filter((text) => OUR_STACK.test(text))
        .map((text) => `a bug showed in a worker: ${text}`);
    });
  }

  /** A run that is done stays so. */
  async #isNothingLeft(): Promise<void> {
    const executions = this.#scene.allExecutions();
    const { code, stderr } = await this.#project.run(this.#about('resume'));
    if ((code !== 0 && code !== 1) || !stderr.includes('nothing is left to run'))
      this.problem(`resume of a run that is done ended with ${code}: ${stderr}`);
    const more = this.#scene.allExecutions() - executions;
    if (more > 0) this.problem(`resume of a run that is done executed ${more} tasks`);
  }

  #tell(text: string): void {
    this.story.push(`${((performance.now() - this.#began) / 1000).toFixed(1)} s: ${text}`);
  }
}

const OUR_STACK = /\n\s+at .*\/dist\//;

/** How often each thing was done. */
export function slurmSummary(reports: readonly SlurmReport[]): string[] {
  const hits = reports.flatMap((report) => report.hits);
  return [
    countsText(totalOf(reports.map(({ counts }) => counts))),
    'strikes:',
    ...(Object.keys(STRIKES) as StrikeKind[]).map(
      (kind) => `  ${kind.padEnd(24)}${hits.filter((hit) => hit.kind === kind).length}`,
    ),
  ];
}
