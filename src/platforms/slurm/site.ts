/** What a site's Slurm allows. */
import { slurm, slurmMissing, type Environment } from './slurm-cli.js';

export interface SlurmSite {
  /** `22.05.8`. */
  readonly version: string;
  /** Elements that one array may have: their indexes begin at 0. */
  readonly mostElements: number;
  /** Jobs that the controller can hold, of all users. */
  readonly mostJobs: number;
  /** `sacct` knows how jobs ended that `squeue` has forgotten. */
  readonly hasAccounting: boolean;
}

/** What Slurm allows unless a site changes it. */
export const STOCK_SITE: SlurmSite = {
  version: '',
  mostElements: 1_001,
  mostJobs: 10_000,
  hasAccounting: false,
};

/** What `scontrol show config` says. */
export function parseSite(text: string): SlurmSite {
  const said = new Map(
    text.split('\n').flatMap((line) => {
      const [, key, value] = /^(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value]];
    }),
  );
  const count = (key: string, stock: number): number => {
    const value = said.get(key);
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : stock;
  };
  const mostJobs = count('MaxJobCount', STOCK_SITE.mostJobs);
  const storage = said.get('AccountingStorageType') ?? '';
  return {
    version: said.get('SLURM_VERSION') ?? STOCK_SITE.version,
    // Each is the first number that is not allowed: as an index, and of jobs.
    mostElements: Math.max(1, Math.min(count('MaxArraySize', STOCK_SITE.mostElements), mostJobs - 1)),
    mostJobs,
    hasAccounting: storage !== '' && !/none|null/.test(storage),
  };
}

/**
 * Asks for it; null: nobody answers now. Throws SLURM_MISSING.
 */
export async function askSite(env: Environment, timeoutMs?: number): Promise<SlurmSite | null> {
  const ran = await slurm('scontrol', ['show', 'config'], { env, timeoutMs });
  if (ran.outcome === 'missing') throw slurmMissing('scontrol');
  return ran.outcome === 'ok' ? parseSite(ran.stdout) : null;
}
