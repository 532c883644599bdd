/** What can be seen of a round's runs from outside, cheaply enough to look every millisecond. */
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ChaosProject } from './project.js';
import type { Moment, RoundPlan } from './plan.js';
import { SIDE_LINE } from './task-source.js';

export class Scene {
  readonly #project: ChaosProject;
  readonly #plan: RoundPlan;
  readonly tasks: number;

  constructor(project: ChaosProject, plan: RoundPlan) {
    this.#project = project;
    this.#plan = plan;
    this.tasks = plan.jobs.reduce((sum, { letters }) => sum + letters.length, 0);
  }

  /** Folders of runs, also of those that never became one; oldest first. */
  folders(): string[] {
    const runs = join(this.#project.dir, 'dl_jobs/runs');
    return names(runs).map((name) => join(runs, name));
  }

  /** Folders of runs that exist. */
  runs(): string[] {
    return this.folders().filter((dir) => existsSync(join(dir, 'run.json')));
  }

  /** Lines of the side file of a job. */
  executions(side: string): number {
    return size(join(this.#project.dir, side)) / SIDE_LINE;
  }

  allExecutions(): number {
    return this.#plan.jobs.reduce((sum, { side }) => sum + this.executions(side), 0);
  }

  /** Lines of arguments, and whether all of them are there. */
  argumentLines(): { lines: number; sealed: boolean } {
    let lines = 0;
    let sealed = true;
    for (const dir of this.runs()) {
      if (!existsSync(join(dir, 'args/sealed.json'))) sealed = false;
      lines += count(read(join(dir, 'args/args.ndjson')), '\n');
    }
    return { lines, sealed };
  }

  rounds(): number {
    return this.runs().reduce(
      (sum, dir) =>
        sum +
        names(join(dir, 'rounds')).filter((n) => existsSync(join(dir, 'rounds', n, 'round.json'))).length,
      0,
    );
  }

  shards(): string[] {
    return this.runs().flatMap((dir) =>
      names(join(dir, 'journal'))
        .filter((name) => name.endsWith('.ndjson'))
        .map((name) => join(dir, 'journal', name)),
    );
  }

  /** Bytes of all results. */
  resultBytes(): number {
    const folder = join(this.#project.dir, 'results');
    return names(folder).reduce((sum, name) => sum + size(join(folder, name)), 0);
  }

  /** True while an output is made anew. */
  hasTemp(): boolean {
    return ['results', 'errors', 'logs'].some((folder) =>
      names(join(this.#project.dir, folder)).some((name) => name.endsWith('.tmp')),
    );
  }

  /** Asks whether the moment has come, from now on. */
  watch(moment: Moment): () => boolean {
    const folders = this.folders().length;
    const committed = this.runs().length;
    const rounds = this.rounds();
    const shards = new Set(this.shards());
    const executions = this.allExecutions();
    const newShards = (): string[] => this.shards().filter((path) => !shards.has(path));
    let bytes = this.resultBytes();
    let grown = 0;
    switch (moment.at) {
      case 'once':
        return () => true;
      case 'folder':
        return () => this.folders().length > folders;
      case 'committed':
        return () => this.runs().length > committed;
      case 'round':
        return () => this.rounds() > rounds;
      case 'shard':
        return () => newShards().length > 0;
      case 'started':
        return () => newShards().some((path) => read(path).includes('"k":"start"'));
      case 'arguments':
        return () => {
          const { lines, sealed } = this.argumentLines();
          return !sealed && lines >= this.tasks * moment.share;
        };
      case 'executions':
        return () => this.allExecutions() - executions >= this.tasks * moment.share;
      case 'output':
        return () => {
          const now = this.resultBytes();
          if (now > bytes) grown++;
          bytes = now;
          return grown >= moment.times;
        };
      case 'temp':
        return () => this.hasTemp();
      case 'end':
        return () => newShards().some((path) => tail(path).includes('"e":"round-ended"'));
    }
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function size(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** The end of a file. */
function tail(path: string): string {
  let fd = -1;
  try {
    fd = openSync(path, 'r');
    const bytes = Buffer.alloc(2_000);
    const got = readSync(fd, bytes, 0, bytes.length, Math.max(0, fstatSync(fd).size - bytes.length));
    return bytes.toString('latin1', 0, got);
  } catch {
    return '';
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

function count(text: string, character: string): number {
  let found = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) found++;
  return found;
}
