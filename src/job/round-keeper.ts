/** What goes on beside a round: its state and checkpoint are written, requests are read, the lock is looked after. */
import { basename } from 'node:path';
import { InfrastructureError } from '../base/errors.js';
import type { RoundHandle } from '../contract/platform.js';
import { checkpointOf, writeCheckpoint } from '../outputs/checkpoint.js';
import type { Collector } from '../outputs/collector.js';
import { emptyState, shardSizes, writeState, type RunState, type RunStatus } from '../outputs/run-state.js';
import type { JournalWriter } from '../store/journal-writer.js';
import { takeRequests } from '../store/requests.js';
import type { PreparedRound } from './round.js';

/** Outputs are written at least this often, so that they can be followed. */
const OUTPUT_FLUSH_MS = 100;
/** The state is written, and requests are looked for, this often. */
const STATE_MS = 1_000;
/** The outputs are checkpointed this often: what came since is read from the journal again after a crash. */
const CHECKPOINT_MS = 5_000;

export interface KeeperOptions {
  readonly prepared: PreparedRound;
  readonly collector: Collector;
  readonly journal: JournalWriter;
  readonly handle: () => RoundHandle | null;
  /** How much was collected of shards that others write, by file name. */
  readonly shards: () => Readonly<Record<string, number>>;
  /** Tasks of the run; null: not known yet. */
  readonly total: () => number | null;
  /** Epoch milliseconds. */
  readonly started: number;
  readonly onError: (error: unknown) => void;
  readonly onCancel: () => void;
}

export class RoundKeeper {
  readonly #options: KeeperOptions;
  readonly #doneBefore: number;
  /** Of the rounds before. */
  readonly #workedMs: number;
  readonly #firstStarted: number;
  readonly #timers: NodeJS.Timeout[];
  /** How much of the shards of earlier rounds is good, */
  readonly #oldShards: Readonly<Record<string, number>>;
  /** and their sizes. */
  readonly #oldSizes: Readonly<Record<string, number>>;
  #collector: Collector;
  #checkpointing: Promise<void> | null = null;
  #checkpointed = -1;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#collector = options.collector;
    const { survey } = options.prepared;
    this.#doneBefore = options.collector.counts.done;
    const ended = survey?.events.filter(({ e }) => e === 'round-ended') ?? [];
    this.#workedMs = ended.reduce((sum, event) => sum + Number(event['ms'] ?? 0), 0);
    this.#firstStarted = survey?.events.find(({ e }) => e === 'round-started')?.at ?? options.started;
    this.#oldShards = Object.fromEntries(
      survey?.shards.map((path, i) => [basename(path), survey.lengths[i] as number]) ?? [],
    );
    this.#oldSizes = shardSizes(options.prepared.paths);
    const guarded = (work: () => void) => (): void => {
      try {
        work();
      } catch (error) {
        options.onError(error);
      }
    };
    this.#timers = [
      setInterval(
        guarded(() => this.#collector.flush()),
        OUTPUT_FLUSH_MS,
      ),
      setInterval(
        guarded(() => this.#lookAround()),
        STATE_MS,
      ),
      setInterval(() => void this.#checkpoint().catch(options.onError), CHECKPOINT_MS),
    ];
    this.#write('running', null);
  }

  /** No more timers; a checkpoint that is being written is waited for. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#checkpointing?.catch(() => undefined);
  }

  /**
   * After the last record: everything is collected, on disk and written down.
   *
   * @param ended - when its work came to an end, epoch milliseconds
   */
  async finish(collector: Collector, status: RunStatus, reason: string | null, ended: number): Promise<void> {
    this.#collector = collector;
    this.#checkpointed = -1;
    // Not forced to disk: nothing is appended any more, so that a file which a power failure has cut is shorter than
    // the checkpoint says, and `resume` makes it anew. Waiting for a large one would cost a tenth of a short run.
    await this.#writeCheckpoint(false);
    this.#write(status, reason, ended);
  }

  #lookAround(): void {
    const { prepared, onError, onCancel } = this.#options;
    if (!prepared.lock.isOurs()) {
      onError(
        new InfrastructureError('RUN_LOCKED', `${prepared.paths.dir} was taken over by another process`, {
          hint: 'This one gave no sign of life for a minute, and stops. Watch the other with `dl_jobs attach`.',
        }),
      );
      return;
    }
    if (takeRequests(prepared.paths).includes('cancel')) onCancel();
    // What the state counts as done is in the results.
    this.#collector.flush();
    this.#write('running', null);
  }

  #shards(): Record<string, number> {
    const { journal } = this.#options;
    return { ...this.#oldShards, ...this.#options.shards(), [basename(journal.path)]: journal.length };
  }

  #write(status: RunStatus, reason: string | null, until = Date.now()): void {
    const { prepared, handle, total, started, journal } = this.#options;
    const collector = this.#collector;
    const state: RunState = {
      ...emptyState(),
      ...collector.tally.toData(),
      at: Date.now(),
      status,
      reason,
      round: prepared.round.round,
      kind: prepared.round.kind,
      total: total(),
      started: this.#firstStarted,
      roundStarted: started,
      ended: status === 'running' ? null : until,
      workedMs: this.#workedMs + Math.max(0, until - started),
      doneBefore: this.#doneBefore,
      hosts: status === 'running' ? (handle()?.hosts() ?? []) : [],
      queue: status === 'running' ? (handle()?.queue?.() ?? null) : null,
      shards: { ...this.#oldSizes, ...this.#options.shards(), [basename(journal.path)]: journal.length },
    };
    writeState(prepared.paths, state);
  }

  #checkpoint(): Promise<void> {
    this.#checkpointing ??= this.#writeCheckpoint(true).finally(() => {
      this.#checkpointing = null;
    });
    return this.#checkpointing;
  }

  async #writeCheckpoint(synced: boolean): Promise<void> {
    const { journal, prepared } = this.#options;
    const collector = this.#collector;
    collector.flush();
    // All that is written has been collected: the two are in step whenever nothing else runs.
    const shards = this.#shards();
    const length = Object.values(shards).reduce((sum, bytes) => sum + bytes, 0);
    if (length === this.#checkpointed) return;
    const checkpoint = checkpointOf(collector.files, shards);
    if (synced && prepared.spec.durability !== 'none') {
      await journal.sync();
      await collector.sync();
    }
    if (!prepared.lock.isOurs()) return;
    // A file may have been made meanwhile; that it is ours is not forgotten.
    writeCheckpoint(prepared.paths, { ...checkpoint, made: checkpointOf(collector.files, {}).made });
    this.#checkpointed = length;
  }
}
