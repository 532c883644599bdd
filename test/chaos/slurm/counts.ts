/** What the strikes led to: a round in which no worker was given up says nothing of how that goes. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { endsOfShards, hasEnded, readJournal } from '../journal.js';

export interface Counts {
  readonly rounds: number;
  /** Workers that wrote something. */
  readonly workers: number;
  readonly vanished: number;
  /** Chunks that another worker took over, each time. */
  readonly takeovers: number;
  /** Tasks with several outcomes. */
  readonly copies: number;
}

const NONE: Counts = { rounds: 0, workers: 0, vanished: 0, takeovers: 0, copies: 0 };

export function countsOf(runs: readonly string[]): Counts {
  return totalOf(
    runs.map((dir) => {
      const rounds = existsSync(join(dir, 'rounds')) ? readdirSync(join(dir, 'rounds')) : [];
      const claims = rounds.flatMap((round) => {
        const folder = join(dir, 'rounds', round, 'claims');
        return existsSync(folder) ? readdirSync(folder) : [];
      });
      const shards = readJournal(dir).filter(({ lines }) => lines.some(({ e }) => e === 'worker-started'));
      const finals = new Map<number, number>();
      for (const { t, fin } of endsOfShards(shards))
        if (fin !== false) finals.set(t, (finals.get(t) ?? 0) + 1);
      return {
        rounds: rounds.length,
        workers: shards.length,
        vanished: shards.filter((shard) => !hasEnded(shard)).length,
        takeovers: claims.filter((name) => /^\d+\.\d+$/.test(name) && !name.endsWith('.1')).length,
        copies: [...finals.values()].filter((count) => count > 1).length,
      };
    }),
  );
}

export function totalOf(counts: readonly Counts[]): Counts {
  return counts.reduce(
    (sum, one) => ({
      rounds: sum.rounds + one.rounds,
      workers: sum.workers + one.workers,
      vanished: sum.vanished + one.vanished,
      takeovers: sum.takeovers + one.takeovers,
      copies: sum.copies + one.copies,
    }),
    NONE,
  );
}

export function countsText({ rounds, workers, vanished, takeovers, copies }: Counts): string {
  return `${rounds} rounds, ${workers} workers, ${vanished} vanished, ${takeovers} takeovers, ${copies} tasks twice`;
}
