/** The built Node host as a worker drives it: a real process, descriptors 3 to 5, its log file. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { onTestFinished } from 'vitest';
import type { FailureType, TaskErrorInfo } from '../../src/contract/record.js';
import {
  HOST_IN,
  HOST_OUT,
  PROGRESS_BYTES,
  type FromHost,
  type InitMessage,
  type OutMessage,
} from '../../src/contract/wire.js';
import { frameParser } from '../../src/worker/frames.js';
import { repoRoot } from '../support/project.js';

const NODE_HOST = join(repoRoot, 'dist/worker/node-host.js');

/** An `end` record; of an `ends` record, what it says of one task. */
export interface End {
  readonly t: number;
  readonly s: 'ok' | 'error';
  readonly ft?: FailureType;
  readonly fin?: false;
  readonly value?: unknown;
  readonly error?: TaskErrorInfo;
  /** The text of the line. */
  readonly line: string;
}

export interface Frame {
  readonly header: FromHost;
  readonly ends: readonly End[];
}

export class HostDriver {
  /** Of the project; its name is hostile. */
  readonly dir: string;
  readonly child: ChildProcess;
  readonly #progress: number;
  readonly #frames: Frame[] = [];
  #wake: () => void = () => undefined;
  #ended = false;
  #batches = 0;

  /** A host that runs `task` of `source`, an ES module. Fields of `init` that are undefined are left out. */
  constructor(source: string, init: { readonly [K in keyof InitMessage]?: InitMessage[K] | undefined } = {}) {
    const base = mkdtempSync(join(tmpdir(), 'dl-jobs-host-'));
    this.dir = join(base, 'sp ace "q" ñ日');
    mkdirSync(this.dir);
    const file = join(this.dir, 'tasks.mjs');
    writeFileSync(file, source);
    this.#progress = openSync(join(base, 'progress'), 'w+');
    ftruncateSync(this.#progress, PROGRESS_BYTES);
    const log = openSync(join(base, 'log'), 'a');
    this.child = spawn(process.execPath, ['--enable-source-maps', NODE_HOST], {
      cwd: this.dir,
      // With no progress wanted there may be no file for it either.
      stdio: ['ignore', log, log, 'pipe', 'pipe', ...(init.progress === true ? [this.#progress] : [])],
    });
    closeSync(log);
    const exited = new Promise((done) => this.child.once('close', done));
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await exited;
      closeSync(this.#progress);
      rmSync(base, { recursive: true, force: true });
    });
    const parse = frameParser((header, body) => {
      const text = Buffer.concat(body).toString('utf8');
      this.#frames.push({ header, ends: header.type === 'out' ? endsOf(header, text) : [] });
    });
    this.#output.on('data', (chunk: Buffer) => {
      parse(chunk);
      this.#wake();
    });
    this.#output.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
    this.#input.on('error', () => undefined);
    const usual: InitMessage = {
      ...{ type: 'init', v: 1, root: this.dir, projectRoot: '/home/you/project', file, module: 'tasks' },
      ...{ method: 'task', call: 'each', grouped: false, host: 0, digests: 'none', concurrency: 1 },
      ...{ progress: false, timeoutMs: null, retries: 0, retryOn: [], redact: [] },
    };
    this.#input.write(`${JSON.stringify({ ...usual, ...init })}\n`);
  }

  get #input(): Writable {
    return this.child.stdio[HOST_IN] as Writable;
  }

  get #output(): Readable {
    return (this.child.stdio as readonly unknown[])[HOST_OUT] as Readable;
  }

  /** Sends a batch of these arguments; returns its id. */
  batch(args: readonly unknown[], { first = 0, attempt = 1 } = {}): number {
    const id = ++this.#batches;
    const body = Buffer.from(args.map((arg) => `${JSON.stringify(arg)}\n`).join(''));
    const tasks = [[first, args.length]];
    const header = { type: 'batch', id, round: 1, attempt, tasks, bytes: body.length };
    this.#input.write(Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body]));
    return id;
  }

  /** The next message; undefined once the host has ended. */
  async next(): Promise<Frame | undefined> {
    while (this.#frames.length === 0 && !this.#ended) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    return this.#frames.shift();
  }

  async ready(): Promise<this> {
    const frame = await this.next();
    if (frame?.header.type !== 'ready') throw new Error(`${JSON.stringify(frame)} instead of ready`);
    return this;
  }

  /** Messages until `count` tasks were answered. */
  async answers(count: number): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (let n = 0; n < count;) {
      const frame = await this.next();
      if (frame === undefined) throw new Error('the host ended');
      frames.push(frame);
      n += frame.ends.length;
    }
    return frames;
  }

  /** Runs a batch; the records, and what all messages said is to be tried again. */
  async run(
    args: readonly unknown[],
    options: { readonly first?: number; readonly attempt?: number } = {},
  ): Promise<{ ends: End[]; again: number[] }> {
    this.batch(args, options);
    const frames = await this.answers(args.length);
    const outs = frames.map(({ header }) => header as OutMessage);
    return { ends: frames.flatMap(({ ends }) => ends), again: outs.flatMap(({ again }) => again ?? []) };
  }

  /** What stands in the progress file. */
  progress(): { batch: number; position: number; start: number } {
    const bytes = Buffer.alloc(PROGRESS_BYTES);
    readSync(this.#progress, bytes, 0, PROGRESS_BYTES, 0);
    return { batch: bytes.readUInt32LE(0), position: bytes.readUInt32LE(4), start: bytes.readDoubleLE(8) };
  }
}

function endsOf({ bytes }: OutMessage, text: string): End[] {
  if (Buffer.byteLength(text) !== bytes) throw new Error('a body of another size than its header says');
  return text
    .split('\n')
    .slice(0, -1)
    .flatMap<End>((line) => {
      const record = JSON.parse(line) as End & { k: string; values: unknown[] };
      if (record.k === 'end') return [{ ...record, line }];
      return record.values.map((value, i) => ({ t: record.t + i, s: 'ok' as const, value, line }));
    });
}

/** Milliseconds of the clock that a host writes into the progress file. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Waits until `found` gives something. */
export async function until<T>(found: () => T | undefined | false): Promise<T> {
  for (;;) {
    const value = found();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
