/** A Python process that runs jobs of one function, one at a time. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('runner.py', import.meta.url));
/** Characters of a job's log. */
const MOST_LOG = 16 * 1024 * 1024;

export interface Ran {
  readonly ok: boolean;
  readonly exit: number | null;
  readonly reason: string | null;
  /** Null: nothing is stored. */
  readonly result: Buffer | null;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly peakBytes: number;
  /** The process ended with the job. */
  readonly died: boolean;
}

interface Outcome {
  readonly ok: boolean;
  readonly exit?: number;
  readonly reason?: string;
  readonly fresh?: boolean;
  readonly wall: number;
  readonly cpu: number;
  readonly peak: number;
  readonly size: number;
}

interface Current {
  readonly onLine: (text: string) => void;
  readonly done: (ran: Ran) => void;
  logged: number;
}

/** Processes below `pid`, itself first; sessions of their own included. */
export function family(pid: number): number[] {
  const found = [pid];
  for (let i = 0; i < found.length; i++) {
    try {
      const children = readFileSync(`/proc/${found[i]!}/task/${found[i]!}/children`, 'utf8');
      found.push(...children.split(' ').filter(Boolean).map(Number));
    } catch {
      // Gone, or no such file on this system.
    }
  }
  return found;
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}

const killGroup = (pid: number, signal: NodeJS.Signals): void => tryKill(-pid, signal);

/** @returns those it knew of */
function killAll(pid: number, signal: NodeJS.Signals): readonly number[] {
  const all = family(pid);
  for (const one of all) tryKill(one, signal);
  killGroup(pid, signal);
  return all.slice(1);
}

export interface ChildOptions {
  readonly python: string;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly maxResult: number;
}

export class Child {
  readonly #process: ChildProcess;
  readonly #jobs: Writable;
  readonly #mark = randomBytes(18).toString('base64url');
  #log: Buffer = Buffer.alloc(0);
  #outcomes: Buffer[] = [];
  #outcomesSize = 0;
  #current: Current | null = null;
  #outcome: { readonly head: Outcome; readonly result: Buffer | null } | null = null;
  #head: Outcome | null = null;
  #logIsWhole = false;
  #family: readonly number[] = [];
  /** No job may be given to it any more. */
  spent = false;
  onExit: () => void = () => {};

  constructor(options: ChildOptions) {
    this.#process = spawn(options.python, ['-B', '-u', RUNNER, options.folder, String(options.maxResult)], {
      // A group of its own, which is killed whole.
      detached: true,
      env: options.environment,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    const [, out, err, jobs, outcomes] = this.#process.stdio as unknown as [
      null,
      Readable,
      Readable,
      Writable,
      Readable,
    ];
    this.#jobs = jobs;
    // It may die at any time; that is noticed by its end.
    jobs.on('error', () => {});
    jobs.write(`${this.#mark}\n`);
    out.on('data', (chunk: Buffer) => this.#onLog(chunk));
    // Only what Python says before the runner joins both.
    err.on('data', (chunk: Buffer) => this.#onLog(chunk));
    outcomes.on('data', (chunk: Buffer) => this.#onOutcome(chunk));
    this.#process.on('error', (error) => {
      this.spent = true;
      this.#onLog(Buffer.from(`${error.message}\n`));
      this.#ended(127, null);
    });
    this.#process.on('exit', (code, signal) => {
      this.spent = true;
      const pid = this.#process.pid;
      if (pid !== undefined) killGroup(pid, 'SIGKILL');
      // In a session of their own, and not willing to end when asked.
      for (const one of this.#family) tryKill(one, 'SIGKILL');
      // What it wrote may still be on its way. A process it left behind may hold the pipe open, but not for long here.
      // After one more look at the pipes: timers come first when this process itself stood still.
      const late = setTimeout(() => setImmediate(() => this.#ended(code, signal)), 500);
      this.#process.once('close', () => {
        clearTimeout(late);
        this.#ended(code, signal);
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get busy(): boolean {
    return this.#current !== null;
  }

  /** @param job JSON text of `{args, kwargs}` */
  run(job: string, onLine: (text: string) => void, done: (ran: Ran) => void): void {
    this.#current = { onLine, done, logged: 0 };
    this.#outcome = null;
    this.#head = null;
    this.#logIsWhole = false;
    this.#jobs.write(`${job}\n`);
  }

  end(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.spent = true;
    if (
      this.#process.pid !== undefined &&
      this.#process.exitCode === null &&
      this.#process.signalCode === null
    ) {
      this.#family = killAll(this.#process.pid, signal);
    }
  }

  #onLog(chunk: Buffer): void {
    this.#log = this.#log.length === 0 ? chunk : Buffer.concat([this.#log, chunk]);
    const at = this.#log.indexOf(this.#mark);
    if (at === -1) {
      // The mark may be half here: a line is passed on when it is whole.
      const end = this.#log.lastIndexOf(10) + 1;
      if (end === 0) return;
      this.#pass(this.#log.subarray(0, end));
      this.#log = this.#log.subarray(end);
      return;
    }
    this.#pass(this.#log.subarray(0, at));
    this.#log = this.#log.subarray(at + this.#mark.length + 1);
    this.#logIsWhole = true;
    this.#finish();
  }

  #pass(bytes: Buffer): void {
    const current = this.#current;
    if (bytes.length === 0 || current === null || current.logged > MOST_LOG) return;
    current.logged += bytes.length;
    const lines = bytes.toString().split('\n');
    if (lines.at(-1) === '') lines.pop();
    for (const line of lines) current.onLine(line);
  }

  #onOutcome(chunk: Buffer): void {
    this.#outcomes.push(chunk);
    this.#outcomesSize += chunk.length;
    if (this.#head !== null && this.#outcomesSize < this.#head.size) return;
    let bytes = this.#outcomes.length === 1 ? chunk : Buffer.concat(this.#outcomes);
    if (this.#head === null) {
      const end = bytes.indexOf(10);
      if (end !== -1) {
        this.#head = JSON.parse(bytes.toString('utf8', 0, end)) as Outcome;
        bytes = bytes.subarray(end + 1);
      }
    }
    const size = Math.max(0, this.#head?.size ?? Infinity);
    if (this.#head !== null && bytes.length >= size) {
      const result = this.#head.size < 0 ? null : Buffer.from(bytes.subarray(0, size));
      this.#outcome = { head: this.#head, result };
      bytes = bytes.subarray(size);
    }
    this.#outcomes = bytes.length > 0 ? [bytes] : [];
    this.#outcomesSize = bytes.length;
    this.#finish();
  }

  #finish(): void {
    const current = this.#current;
    const outcome = this.#outcome;
    if (current === null || outcome === null || !this.#logIsWhole) return;
    const { head, result } = outcome;
    this.#current = null;
    if (head.fresh === true) this.end();
    current.done({
      ok: head.ok,
      exit: head.exit ?? (head.ok ? 0 : 1),
      reason: head.reason ?? null,
      result,
      cpuSeconds: head.cpu,
      wallSeconds: head.wall,
      peakBytes: head.peak,
      died: false,
    });
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    const current = this.#current;
    if (current !== null) {
      this.#pass(this.#log);
      this.#current = null;
      const exit = signal === null ? code : 128 + constants.signals[signal];
      current.done({
        ok: false,
        exit,
        reason:
          signal === null
            ? `The process ended with code ${code ?? '?'}`
            : `The process was killed by ${signal}`,
        result: null,
        cpuSeconds: 0,
        wallSeconds: 0,
        peakBytes: 0,
        died: true,
      });
    }
    this.onExit();
    this.onExit = () => {};
  }
}
