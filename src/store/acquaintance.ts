/**
 * Two processes, mostly on two machines, find out whether the folder that both see is the same, and whether claims made
 * in it exclude each other. `here` is who asks, `there` who was started for it.
 *
 * They talk by two files, to which each appends lines: both are there before they begin, for a file that is not there
 * is not looked for again at once on a network file system.
 */
import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerChoice } from '../contract/spec.js';
import { storeError, writeAll } from './atomic.js';
import { Claims, holderOf } from './claims.js';
import { roundFolder } from './rounds.js';
import { RUN_FOLDERS, runPaths } from './run-folder.js';

export type Side = 'here' | 'there';

/** What the machine of `there` is like. */
export interface MachineFacts {
  readonly host: string;
  readonly node: { readonly version: string; readonly path: string };
  /** Of the interpreter that was asked for; else why there is none. */
  readonly python: { readonly version: string; readonly path: string } | string;
  /** Program that runs containers; null: none was asked for. A text: why none can be run. */
  readonly container: { readonly program: string } | string | null;
  /** Value of CUDA_VISIBLE_DEVICES; null: it is not set. */
  readonly gpus: string | null;
  /** Paths that were asked for, and are not there. */
  readonly missing: readonly string[];
}

/** What `there` is to find out. */
export interface Question {
  /** Interpreter, a name or a path. */
  readonly python: string;
  readonly container: ContainerChoice;
  /** Working directory of tasks, absolute. */
  readonly cwd: string;
  /** Absolute paths that must be there. */
  readonly paths: readonly string[];
}

type Message =
  | ({ readonly say: 'hello' } & Question)
  | { readonly say: 'facts'; readonly facts: MachineFacts }
  /** Whether it got its own claim, and the other's, which is whose. */
  | { readonly say: 'claimed'; readonly own: boolean; readonly other: boolean; readonly holder: string }
  | { readonly say: 'ping' }
  | { readonly say: 'pong'; readonly at: number }
  | { readonly say: 'race'; readonly paceMs: number }
  | { readonly say: 'won'; readonly chunks: readonly number[] }
  | { readonly say: 'broken'; readonly why: string }
  | { readonly say: 'bye' };

const LOOK_MS = 20;
/** What one side waits for the other, which is at it. */
const PATIENCE_MS = 30_000;
const ROUND = 1;
/** Claimed by one side before the other tries. */
const CHUNK_OF: Readonly<Record<Side, number>> = { here: 0, there: 1 };
/** Between two claims of a race, which takes ten seconds then. */
const MOST_PACE_MS = 100;
/** Claimed by both at the same time. */
const RACED = Array.from({ length: 100 }, (_, at) => at + 2);
const PINGS = 8;

/** Makes the folder that both are to use, laid out as that of a run. Throws STORE_FAILED. */
export function makeMeetingPlace(dir: string): void {
  const paths = runPaths(dir);
  try {
    for (const folder of RUN_FOLDERS) mkdirSync(join(dir, folder), { recursive: true });
    mkdirSync(join(roundFolder(paths, ROUND), 'claims'), { recursive: true });
    for (const side of ['here', 'there'] as const) writeFileSync(fileOf(dir, side), '');
  } catch (error) {
    throw storeError('create', dir, error);
  }
}

function fileOf(dir: string, side: Side): string {
  return join(dir, 'requests', `${side}.ndjson`);
}

/** One side of the talk. */
class Talk {
  readonly #dir: string;
  readonly #side: Side;
  readonly #claims: Claims;
  #heard = 0;

  constructor(dir: string, side: Side) {
    this.#dir = dir;
    this.#side = side;
    this.#claims = new Claims(runPaths(dir), ROUND, side);
  }

  say(message: Message): void {
    const path = fileOf(this.#dir, this.#side);
    try {
      const fd = openSync(path, 'a');
      try {
        writeAll(fd, Buffer.from(`${JSON.stringify(message)}\n`));
        fdatasyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw storeError('write', path, error);
    }
  }

  /** The next thing that the other side says; null: it says nothing for so long, or the signal was aborted. */
  async hear(ms: number, signal?: AbortSignal): Promise<Message | null> {
    const deadline = performance.now() + ms;
    for (;;) {
      // Opened anew each time: only then a network file system asks its server.
      const lines = readFileSync(fileOf(this.#dir, other(this.#side)), 'utf8')
        .split('\n')
        .slice(0, -1);
      const line = lines[this.#heard];
      if (line !== undefined) {
        this.#heard++;
        return JSON.parse(line) as Message;
      }
      if (performance.now() >= deadline || signal?.aborted === true) return null;
      await sleep(LOOK_MS);
    }
  }

  /** True: it is ours. */
  claim(chunk: number): boolean {
    return this.#claims.claim(chunk, 0);
  }

  holder(chunk: number): string {
    return holderOf(runPaths(this.#dir), ROUND, chunk, 0);
  }

  /** Claims all that is raced for, in an order of its own, with a pause after each. */
  async race(paceMs: number): Promise<number[]> {
    const won: number[] = [];
    const order = RACED.map((chunk) => [Math.random(), chunk] as const).sort(([a], [b]) => a - b);
    for (const [, chunk] of order) {
      if (this.claim(chunk)) won.push(chunk);
      await sleep(paceMs);
    }
    return won;
  }
}

function other(side: Side): Side {
  return side === 'here' ? 'there' : 'here';
}

/** What `here` found out together with `there`. */
export interface Acquaintance {
  /** What is wrong with claims, a sentence each. */
  readonly faults: readonly string[];
  /** Of those that both tried to get at the same time. */
  readonly won: Readonly<Record<Side, number>>;
  /** Time until a line is seen on the other side, and the answer to it here. */
  readonly roundTripMs: number;
  /** How far the clock there is ahead of the one here, and how far off that may be. */
  readonly aheadMs: number;
  readonly aheadErrorMs: number;
}

/** The side of who asks. */
export class Host {
  readonly #talk: Talk;

  /** Begins to talk, which nobody may hear for long. Throws STORE_FAILED. */
  constructor(dir: string, question: Question) {
    this.#talk = new Talk(dir, 'here');
    this.#talk.claim(CHUNK_OF.here);
    this.#talk.say({ say: 'hello', ...question });
  }

  /** What the other says of its machine; null: nothing is heard for so long. A text: why it cannot go on. */
  async facts(ms: number, signal: AbortSignal): Promise<MachineFacts | string | null> {
    const heard = await this.#talk.hear(ms, signal);
    if (heard?.say === 'facts') return heard.facts;
    return heard?.say === 'broken' ? heard.why : null;
  }

  /** After {@link facts}. A text: why it could not be found out. */
  async meet(signal: AbortSignal): Promise<Acquaintance | string> {
    const talk = this.#talk;
    const hear = async (): Promise<Message> => (await talk.hear(PATIENCE_MS, signal)) ?? SILENCE;
    const claimed = await hear();
    if (claimed.say !== 'claimed') return whyNot(claimed);
    const faults: string[] = [];
    if (!claimed.own) faults.push('there a claim that nobody had was refused');
    if (claimed.other) faults.push('what was claimed here was claimed there once more');
    if (!claimed.other && claimed.holder !== 'here') faults.push('there a claim from here has no holder');
    if (talk.claim(CHUNK_OF.there)) faults.push('what was claimed there was claimed here once more');
    else if (talk.holder(CHUNK_OF.there) !== 'there') faults.push('here a claim from there has no holder');

    let [roundTripMs, aheadMs] = [Infinity, 0];
    for (let n = 0; n < PINGS; n++) {
      const [sent, began] = [Date.now(), performance.now()];
      talk.say({ say: 'ping' });
      const pong = await hear();
      if (pong.say !== 'pong') return whyNot(pong);
      const took = performance.now() - began;
      if (took >= roundTripMs) continue;
      roundTripMs = took;
      aheadMs = pong.at - (sent + took / 2);
    }

    // Who hears late begins late: where that takes long the race does, too, or it would be over by then.
    const paceMs = Math.min(MOST_PACE_MS, Math.max(1, roundTripMs / RACED.length));
    talk.say({ say: 'race', paceMs });
    await sleep(roundTripMs / 2);
    const ours = await talk.race(paceMs);
    const won = await hear();
    if (won.say !== 'won') return whyNot(won);
    const theirs = new Set(won.chunks);
    const both = ours.filter((chunk) => theirs.has(chunk)).length;
    const none = RACED.length - (ours.length + theirs.size - both);
    if (both > 0) faults.push(`${both} of ${RACED.length} claims were won on both sides`);
    if (none > 0) faults.push(`${none} of ${RACED.length} claims were won by nobody`);
    return {
      faults,
      won: { here: ours.length, there: theirs.size },
      roundTripMs,
      aheadMs,
      aheadErrorMs: roundTripMs / 2,
    };
  }

  /** The other side may go. */
  close(): void {
    this.#talk.say({ say: 'bye' });
  }
}

const SILENCE: Message = {
  say: 'broken',
  why: `nothing is heard from there for ${PATIENCE_MS / 1000} seconds`,
};

function whyNot(message: Message): string {
  return message.say === 'broken' ? message.why : `there \`${message.say}\` was said out of turn`;
}

/** The side of who was started; ends when the other says so, or is not heard of any more. Throws STORE_FAILED. */
export async function answer(
  dir: string,
  findOut: (question: Question) => Promise<MachineFacts>,
): Promise<void> {
  const talk = new Talk(dir, 'there');
  const hello = await talk.hear(PATIENCE_MS);
  if (hello?.say !== 'hello') return;
  try {
    talk.say({ say: 'facts', facts: await findOut(hello) });
    const own = talk.claim(CHUNK_OF.there);
    const taken = talk.claim(CHUNK_OF.here);
    talk.say({ say: 'claimed', own, other: taken, holder: talk.holder(CHUNK_OF.here) });
    for (;;) {
      const heard = await talk.hear(PATIENCE_MS);
      if (heard?.say === 'ping') talk.say({ say: 'pong', at: Date.now() });
      else if (heard?.say === 'race') talk.say({ say: 'won', chunks: await talk.race(heard.paceMs) });
      else return;
    }
  } catch (error) {
    talk.say({ say: 'broken', why: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}
