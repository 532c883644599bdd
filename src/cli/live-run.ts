/** A run that another process controls, as the progress line sees one of ours. */
import type { WorkerStatus } from '../contract/platform.js';
import type { JobSpec } from '../contract/spec.js';
import type { RunView } from '../job/reporter.js';
import type { RunOverview, RunState } from '../outputs/run-state.js';

export class LiveRun implements RunView {
  readonly id: string;
  readonly dir: string;
  readonly spec: JobSpec;
  #state: RunState;

  constructor({ id, run, paths, state }: RunOverview) {
    this.id = id;
    this.dir = paths.dir;
    this.spec = run.spec;
    this.#state = state;
  }

  /** What is known of it now. */
  update(state: RunState): void {
    this.#state = state;
  }

  get counts(): RunState['counts'] {
    return this.#state.counts;
  }

  get doneBefore(): number {
    return this.#state.doneBefore;
  }

  get started(): number {
    return this.#state.roundStarted ?? this.#state.at;
  }

  total(): number | null {
    return this.#state.total;
  }

  queue(): RunState['queue'] {
    return this.#state.queue;
  }

  workers(): WorkerStatus {
    const { hosts } = this.#state;
    const busy = hosts.filter(({ tasks }) => tasks > 0);
    return {
      hosts: hosts.length,
      busy: busy.length,
      inFlight: busy.reduce((sum, { tasks }) => sum + tasks, 0),
    };
  }
}
