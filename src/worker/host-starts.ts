/** How it goes with starting hosts in a round: which failure to start one is the end of it. */
import type { RoundContext } from '../contract/platform.js';
import type { DlJobsError } from '../base/errors.js';
import type { HostCommand } from './host-body.js';
import type { HostExit } from './host-process.js';
import type { Patterns } from './patterns.js';
import type { Slot } from './slot.js';
import type { Sentence } from './sentence.js';
import { lacksRoom, noRoomWarning, startError } from './start-errors.js';

/** After so many hosts in a row that could not load the module the job is broken. */
const MAX_FAILED = 3;

export class HostStarts {
  readonly #round: RoundContext;
  readonly #patterns: Patterns | null;
  #everReady = false;
  /** Hosts in a row that died before they were ready. */
  #failed = 0;
  #warned = false;

  constructor(round: RoundContext, patterns: Patterns | null) {
    this.#round = round;
    this.#patterns = patterns;
  }

  succeeded(): void {
    this.#everReady = true;
    this.#failed = 0;
  }

  /**
   * A host of `slot` ended before it was ready; `others` live. Null: the round goes on.
   *
   * @param command - the program that it was
   */
  failed(
    slot: Slot,
    exit: HostExit,
    sentence: Sentence | null,
    others: number,
    command: HostCommand,
  ): DlJobsError | null {
    if (lacksRoom(exit) && others > 0) {
      slot.retired = true;
      if (!this.#warned) this.#round.warn(noRoomWarning(exit, others));
      this.#warned = true;
      return null;
    }
    // A module that has loaded before may fail to for a while (memory, a shared disk), but not again and again; and
    // none kills itself by SIGKILL: that came from outside.
    const mayPass = this.#everReady || exit.signal === 'SIGKILL';
    if (exit.spawnError === undefined && mayPass && ++this.#failed < MAX_FAILED) return null;
    return startError(exit, sentence, command, slot.logFile, this.#round, this.#patterns);
  }
}
