/** One go at a run's work, ready to be executed. */
import type { Platform } from '../contract/platform.js';
import type { JobSpec, RunFile } from '../contract/spec.js';
import type { Survey } from '../outputs/survey.js';
import type { HeldLock } from '../store/lock.js';
import type { RoundFile } from '../store/rounds.js';
import type { RunPaths } from '../store/run-folder.js';
import type { WorkList } from '../store/work-list.js';
import type { RoundSource } from './stored-source.js';

export interface PreparedRound {
  readonly paths: RunPaths;
  readonly run: RunFile;
  /** The job as this round runs it. */
  readonly spec: JobSpec;
  readonly platform: Platform;
  readonly lock: HeldLock;
  readonly round: Omit<RoundFile, 'work' | 'started'>;
  /** The tasks of the round; null: all. */
  readonly work: WorkList | null;
  /** Root of the snapshot, absolute. */
  readonly code: string;
  /** What the journal says of the rounds before; null: this is the first. */
  readonly survey: Survey | null;
  /** Hears the number of tasks of the run, at the latest when the last of them is taken. */
  readonly source: (onSealed: (count: number) => void) => RoundSource;
  /** Tasks that get no further try: their worker vanished too often. */
  readonly lost: readonly number[];
  readonly env: Readonly<Record<string, string>>;
  /** Sources of regular expressions; may hold secrets. */
  readonly redact: readonly string[];
  /** The round goes on already, with workers outside its controller: this process takes its place. */
  readonly adopted?: boolean;
  /** False: this process lacks what further workers would need. @default true */
  readonly mayStart?: boolean;
  /** Attempts at tasks that count in this round, too. */
  readonly charged: ReadonlyMap<number, number>;
  /** Only so many tasks were asked for. */
  readonly sample: number | null;
  readonly warnings: readonly string[];
}
