/** One round: runs a job, kills, resumes until it is done, and checks what came of it. */
import { basename } from 'node:path';
import { checkEnd } from './check.js';
import { killNow, leftAfter, markedProcesses } from './processes.js';
import { planRound, type Kill, type RoundPlan } from './plan.js';
import { ChaosProject, runWords, type Command, type CommandResult } from './project.js';
import { Random } from './random.js';
import type { Report } from './report.js';
import { Scene } from './scene.js';
import { History } from './history.js';
import { endOf, strike, Watch, type Hit } from './strike.js';

export interface RoundReport extends Report {
  readonly hits: readonly Hit[];
}

export interface RoundOptions {
  readonly repo: string;
  readonly seed: number;
  readonly short: boolean;
  readonly keep: boolean;
}

/** A run that is not done after so many resumes that nobody killed never will be. */
const FREE_TRIES = 3;
/** How long what a run leaves may take to go. */
const GONE_WITHIN_S = 10;

export async function playRound(round: number, options: RoundOptions): Promise<RoundReport> {
  return await playPlan(planRound(options.seed, round, options.short), options);
}

export async function playPlan(plan: RoundPlan, options: RoundOptions): Promise<RoundReport> {
  const { round } = plan;
  const mark = `${options.seed}-${round}-${process.pid}-${Date.now()}`;
  const project = new ChaosProject(options.repo, plan, mark);
  const game = new Game(plan, project, Random.of(options.seed, round, 'moments'));
  const started = performance.now();
  try {
    await game.play();
  } catch (error) {
    game.problem(`the round broke off: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
  } finally {
    for (const { pid } of markedProcesses(mark)) killNow(pid);
  }
  const keep = options.keep && game.problems.length > 0;
  if (!keep) project.remove();
  return {
    plan,
    hits: game.hits,
    struck: game.hits.map(({ phase, target }) => `${phase}: ${target} killed`),
    commands: game.commands,
    ms: performance.now() - started,
    problems: game.problems,
    story: game.story,
    kept: keep ? project.dir : null,
  };
}

class Game {
  readonly hits: Hit[] = [];
  readonly problems: string[] = [];
  readonly story: string[] = [];
  commands = 0;
  readonly #plan: RoundPlan;
  readonly #project: ChaosProject;
  readonly #random: Random;
  readonly #scene: Scene;
  readonly #history: History;

  constructor(plan: RoundPlan, project: ChaosProject, random: Random) {
    this.#plan = plan;
    this.#project = project;
    this.#random = random;
    this.#scene = new Scene(project, plan);
    this.#history = new History(project, plan, this.#scene);
  }

  problem(text: string): void {
    this.problems.push(text);
  }

  async play(): Promise<void> {
    const runKills = [...this.#plan.runKills];
    const resumeKills = [...this.#plan.resumeKills];
    let last = await this.#untilDone(() => {
      const exists = this.#scene.runs().length > 0;
      return {
        words: exists ? this.#about('resume') : runWords(this.#plan),
        kill: exists ? resumeKills.shift() : runKills.shift(),
      };
    });
    if (last !== null && this.#plan.retryKills !== null) {
      const retryKills = [...this.#plan.retryKills];
      this.problems.push(...this.#history.beginRetry());
      const rounds = this.#scene.rounds();
      last = await this.#untilDone(() => {
        const begun = this.#scene.rounds() > rounds;
        return { words: this.#about(begun ? 'resume' : 'retry'), kill: retryKills.shift() };
      });
    }
    if (last === null) return;
    this.problems.push(
      ...(await checkEnd({
        plan: this.#plan,
        project: this.#project,
        scene: this.#scene,
        history: this.#history,
        hostsKilled: this.hits.reduce((sum, { hosts }) => sum + hosts, 0),
        last,
        random: this.#random,
      })),
    );
  }

  /** Runs commands until all tasks have an outcome. Null: they never got one. */
  async #untilDone(next: () => { words: string[]; kill: Kill | undefined }): Promise<CommandResult | null> {
    let free = 0;
    for (;;) {
      const { words, kill } = next();
      const { result, hit } = await this.#command(words, kill);
      const isDone = this.#history.isComplete();
      if (isDone && (result.code === 0 || result.code === 1)) return result;
      if (hit !== null || ++free < FREE_TRIES) continue;
      this.problem(`not done after ${this.commands} commands; the last said: ${result.stderr}`);
      return null;
    }
  }

  async #command(
    words: readonly string[],
    kill: Kill | undefined,
  ): Promise<{ result: CommandResult; hit: Hit | null }> {
    const watch = kill === undefined ? null : new Watch(this.#scene, kill);
    const began = performance.now();
    const command = this.#project.start(words);
    this.commands++;
    let hit: Hit | null = null;
    if (kill === undefined || watch === null) await endOf(command);
    else {
      hit = await strike(
        kill,
        command,
        { scene: this.#scene, mark: this.#project.mark, random: this.#random },
        watch,
      );
      if (hit !== null) this.hits.push(hit);
    }
    const result = command.result as CommandResult;
    this.#tell(command, hit, performance.now() - began);
    await this.#afterCommand(result, hit);
    return { result, hit };
  }

  /** The words of a command about the run. */
  #about(command: 'resume' | 'retry'): string[] {
    const [dir] = this.#scene.runs();
    if (!this.#plan.namesRun || dir === undefined) return [command];
    const id = basename(dir);
    return [
      command,
      this.#random.pick([id, id.slice(0, id.indexOf('-')), id.slice(id.lastIndexOf('-') + 1)]),
    ];
  }

  #tell({ words, result }: Command, hit: Hit | null, ms: number): void {
    const { code, signal } = result as CommandResult;
    const how = signal ?? `exit code ${code}`;
    const struck =
      hit === null ? '' : `; ${hit.target} killed at ${hit.moment}, ${hit.phase} (${hit.within})`;
    this.story.push(`${words.slice(0, 2).join(' ')}: ${how} after ${(ms / 1000).toFixed(2)} s${struck}`);
  }

  async #afterCommand(result: CommandResult, hit: Hit | null): Promise<void> {
    const { stderr, code, signal } = result;
    if (signal === 'SIGABRT') this.problem(`it hung: ${stderr}`);
    // A stack of ours, and not of a task: nobody should ever see one.
    if (/\n\s+at .*\/dist\//.test(stderr)) this.problem(`a bug showed: ${stderr}`);
    // A host that is killed while it starts can be the end of its round.
    const isExplained = hit !== null && (code === 3 || stderr.includes('signal SIGKILL while it loaded'));
    if (code !== null && code > 1 && !isExplained) this.problem(`exit code ${code}: ${stderr}`);
    this.problems.push(...this.#history.look());
    const left = await leftAfter(GONE_WITHIN_S, this.#project.mark);
    for (const { pid, command } of left) {
      this.problem(
        `still there ${GONE_WITHIN_S} s after ${signal ?? `exit code ${code}`}: ${pid} ${command}`,
      );
      killNow(pid);
    }
  }
}
