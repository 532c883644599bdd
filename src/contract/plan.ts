/** What a platform would do with a round, told without doing any of it: `--dry-run`. */
import type { JobSpec } from './spec.js';

/** What a platform is told of a round that does not exist. */
export interface PlanContext {
  readonly spec: JobSpec;
  /** As they would be made now; nothing is there. */
  readonly runId: string;
  /** The run folder, absolute. */
  readonly dir: string;
  readonly projectRoot: string;
  /** Environment variables of the hosts, besides those of this process. */
  readonly env: Readonly<Record<string, string>>;
  /** Tasks of the round. */
  readonly tasks: number;
}

/** What would be handed to a scheduler at once. */
export interface PlannedSubmission {
  /** Workers that it stands for. */
  readonly elements: number;
  /** The command, word by word. */
  readonly command: readonly string[];
}

/** What a site or machine allows. */
export interface PlannedLimit {
  readonly name: string;
  /** For people. */
  readonly text: string;
  /** True: the round meets it, and is cut, slowed down or refused by it. */
  readonly isHit: boolean;
}

/** How tasks would be cut into what workers take at once. */
export interface PlannedChunks {
  readonly count: number;
  /** Tasks. */
  readonly largest: number;
  readonly smallest: number;
}

export interface PlatformPlan {
  /** What would work at a time, for people. */
  readonly workers: string;
  /** Null: tasks are handed out as they come. */
  readonly chunks: PlannedChunks | null;
  /** What each worker begins with; null: there is no such script. */
  readonly script: string | null;
  readonly submissions: readonly PlannedSubmission[];
  readonly limits: readonly PlannedLimit[];
  /** Why the platform would not take it; null: nothing is known against it. */
  readonly refusal: unknown;
}
