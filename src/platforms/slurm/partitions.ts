/** What the partitions of a site allow. */
import { parseTimeLeft } from './allocation.js';
import { slurm, type Environment } from './slurm-cli.js';

export interface Partition {
  readonly name: string;
  readonly isDefault: boolean;
  /** `UP`, `DOWN`, `DRAIN`, `INACTIVE`. */
  readonly state: string;
  /** Seconds that a job may last; null: no limit. */
  readonly mostSeconds: number | null;
  /** Seconds that a job lasts which asks for no time; null: as long as it may. */
  readonly defaultSeconds: number | null;
  readonly nodes: number;
  /** Empty: all may use it. */
  readonly accounts: readonly string[];
  readonly qos: readonly string[];
}

/** What `scontrol -o show partition` prints. */
export function parsePartitions(text: string): Partition[] {
  return text.split('\n').flatMap((line) => {
    const said = new Map([...line.matchAll(/(\w+)=(\S*)/g)].map(([, key = '', value = '']) => [key, value]));
    const name = said.get('PartitionName');
    if (name === undefined) return [];
    const names = (key: string): string[] => {
      const value = said.get(key) ?? 'ALL';
      return value === 'ALL' || value === 'N/A' ? [] : value.split(',');
    };
    return [
      {
        name,
        isDefault: said.get('Default') === 'YES',
        state: said.get('State') ?? '',
        mostSeconds: parseTimeLeft(said.get('MaxTime') ?? ''),
        defaultSeconds: parseTimeLeft(said.get('DefaultTime') ?? ''),
        nodes: Number(said.get('TotalNodes') ?? 0),
        accounts: names('AllowAccounts'),
        qos: names('AllowQos'),
      },
    ];
  });
}

/** Null: nobody answers now. */
export async function askPartitions(env: Environment, timeoutMs: number): Promise<Partition[] | null> {
  const { outcome, stdout } = await slurm('scontrol', ['-o', 'show', 'partition'], { env, timeoutMs });
  return outcome === 'ok' ? parsePartitions(stdout) : null;
}

/** Those that `partition` names, or the default one; and the names that no partition has. */
export function namedPartitions(
  all: readonly Partition[],
  named: string | null,
): { readonly found: readonly Partition[]; readonly missing: readonly string[] } {
  if (named === null) return { found: all.filter(({ isDefault }) => isDefault), missing: [] };
  const names = named.split(',').map((name) => name.trim());
  const byName = new Map(all.map((one) => [one.name, one]));
  return {
    found: names.flatMap((name) => byName.get(name) ?? []),
    missing: names.filter((name) => !byName.has(name)),
  };
}
