/** The configuration files of a cluster for tests. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ClusterOptions {
  /** Nodes, called `n1`, `n2`, …; 3 unless given. */
  readonly nodes?: number;
  /** CPUs that each node claims. More than tasks, as here, is faster: freed CPUs are given out once a second only. */
  readonly cpus?: number;
  /** GPUs that each node claims, 2 unless given; `{ a100: 1, v100: 1 }` gives them types. */
  readonly gpus?: number | Readonly<Record<string, number>>;
  /** Memory that each node claims, in megabytes; 16000 unless given. */
  readonly memory?: number;
  /** How memory is limited. `cgroup` needs control groups of version 1; `poll` looks once a second, and lies. */
  readonly memoryLimit?: 'none' | 'poll' | 'cgroup';
  /** `slurmdbd` makes sacct work, with a database of its own: 2 s more. */
  readonly accounting?: 'none' | 'slurmdbd';
  /** Lines of slurm.conf to add or replace, by their key; an empty value takes the line away. */
  readonly set?: Readonly<Record<string, string>>;
  /** Further lines of slurm.conf, such as a second partition. */
  readonly lines?: readonly string[];
}

/** `set` for tests that take nodes away, and wait until Slurm finds out. */
export const LOSES_NODES = { SlurmdTimeout: '5' } as const;

/** Where a cluster lives. */
export interface Place {
  readonly dir: string;
  /** `127.a.b`: the addresses of this cluster begin with it. */
  readonly network: string;
  readonly port: number;
}

export const nodeNames = (options: ClusterOptions): string[] =>
  Array.from({ length: options.nodes ?? 3 }, (_, index) => `n${index + 1}`);

export const controllerAddress = ({ network }: Place): string => `${network}.1`;
export const nodeAddress = ({ network }: Place, index: number): string => `${network}.${index + 11}`;

/** The socket of the cluster's own munged. */
export const mungeSocket = ({ dir }: Place): string => join(dir, 'munge', 'socket');
export const databaseSocket = ({ dir }: Place): string => join(dir, 'run', 'db.sock');

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** Writes all files that the daemons read. */
export function writeConfig(place: Place, options: ClusterOptions): void {
  const { dir, network } = place;
  for (const folder of ['etc', 'log', 'run', 'state', 'spool', 'munge', 'dev', 'cgroup/memory', 'boot']) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  const etc = (name: string, lines: readonly string[], mode = 0o644): void =>
    writeFileSync(join(dir, 'etc', name), text(lines), { mode });
  const nodes = nodeNames(options);
  etc('hosts', [
    '127.0.0.1 localhost',
    `${controllerAddress(place)} slurmctl`,
    ...nodes.map((name, index) => `${nodeAddress(place, index)} ${name}`),
    `# addresses of this cluster: ${network}.0/24`,
  ]);
  etc('slurm.conf', slurmConf(place, options, nodes));
  etc('gres.conf', gresConf(place, options));
  // Slurm 22.05 loads a plugin for control groups even when nothing uses them; that of version 1 then does nothing.
  etc('cgroup.conf', [
    'CgroupAutomount=no',
    'CgroupPlugin=cgroup/v1',
    'IgnoreSystemd=yes',
    ...(options.memoryLimit === 'cgroup'
      ? [
          `CgroupMountpoint=${dir}/cgroup`,
          'ConstrainRAMSpace=yes',
          'ConstrainSwapSpace=yes',
          'AllowedSwapSpace=0',
          'ConstrainCores=no',
          'ConstrainDevices=no',
        ]
      : []),
  ]);
  if (options.accounting === 'slurmdbd') etc('slurmdbd.conf', slurmdbdConf(place), 0o600);
}

function slurmConf(place: Place, options: ClusterOptions, nodes: readonly string[]): string[] {
  const { dir, port } = place;
  const { cpus = 16, memory = 16_000, memoryLimit = 'none', accounting = 'none' } = options;
  const types = gpuTypes(options);
  const settings: Record<string, string> = {
    ClusterName: 'testcluster',
    SlurmctldHost: `slurmctl(${controllerAddress(place)})`,
    SlurmctldPort: `${port}`,
    SlurmUser: 'root',
    SlurmdUser: 'root',
    AuthType: 'auth/munge',
    // cred_expire is also how long a requeued job waits (one second more), else two minutes; 5 is the least.
    AuthInfo: `socket=${mungeSocket(place)},cred_expire=5`,
    CredType: 'cred/munge',
    // The daemons then listen where their host name leads to, and nowhere else.
    CommunicationParameters: 'NoInAddrAny,NoCtldInAddrAny',
    StateSaveLocation: `${dir}/state`,
    SlurmdSpoolDir: `${dir}/spool/%n`,
    SlurmctldPidFile: `${dir}/run/slurmctld.pid`,
    SlurmdPidFile: `${dir}/run/slurmd-%n.pid`,
    ProctrackType: 'proctrack/linuxproc',
    TaskPlugin: memoryLimit === 'cgroup' ? 'task/cgroup' : 'task/none',
    SelectType: 'select/cons_tres',
    SelectTypeParameters: 'CR_CPU_Memory',
    // Without it a job that asks for no memory takes all of its node.
    DefMemPerCPU: `${Math.floor(memory / cpus)}`,
    // CPUs and memory are what is claimed, and not what this machine has.
    SlurmdParameters: 'config_overrides',
    // A node that was lost comes back with its slurmd; one that was set down stays so.
    ReturnToService: '1',
    PropagateResourceLimits: 'NONE',
    JobRequeue: '1',
    // A machine that stands still for some seconds must not look like nodes that are lost: see `LOSES_NODES`.
    SlurmdTimeout: '20',
    // Everything that a test may have to wait for, as short as Slurm has it.
    SchedulerType: 'sched/backfill',
    SchedulerParameters:
      'batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1,bf_min_age_reserve=0',
    KillWait: '2',
    MessageTimeout: '5',
    UnkillableStepTimeout: '15',
    InactiveLimit: '0',
    JobAcctGatherType:
      memoryLimit === 'none' && accounting === 'none' ? 'jobacct_gather/none' : 'jobacct_gather/linux',
    JobAcctGatherFrequency: 'task=1',
    ...(memoryLimit === 'poll' && { JobAcctGatherParams: 'OverMemoryKill' }),
    ...(types.length > 0 && { GresTypes: 'gpu' }),
    ...(accounting === 'slurmdbd' && {
      AccountingStorageType: 'accounting_storage/slurmdbd',
      AccountingStorageHost: controllerAddress(place),
      AccountingStoragePort: `${port + 2}`,
      // Not a password but the munge socket, for which AuthInfo does not count here.
      AccountingStoragePass: mungeSocket(place),
    }),
    ...options.set,
  };
  const gres =
    types.length === 0 ? '' : ` Gres=${types.map(([type, count]) => `gpu${type}:${count}`).join(',')}`;
  return [
    ...Object.entries(settings).flatMap(([key, value]) => (value === '' ? [] : [`${key}=${value}`])),
    ...nodes.map(
      (name, index) =>
        `NodeName=${name} NodeAddr=${nodeAddress(place, index)} Port=${port + 1} CPUs=${cpus} Boards=1` +
        ` SocketsPerBoard=1 CoresPerSocket=${cpus} ThreadsPerCore=1 RealMemory=${memory}${gres} State=UNKNOWN`,
    ),
    'PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP',
    ...(options.lines ?? []),
  ];
}

/** `:a100` → how many; an empty type is none. */
function gpuTypes({ gpus = 2 }: ClusterOptions): [string, number][] {
  const counts: [string, number][] =
    typeof gpus === 'number'
      ? [['', gpus]]
      : Object.entries(gpus).map(([type, count]) => [`:${type}`, count]);
  return counts.filter(([, count]) => count > 0);
}

/** slurmd takes GPUs for missing that have no file, so each is another name for /dev/null; nobody opens it. */
function gresConf({ dir }: Place, options: ClusterOptions): string[] {
  let next = 0;
  return gpuTypes(options).flatMap(([type, count]) =>
    Array.from({ length: count }, () => {
      const file = join(dir, 'dev', `nvidia${next++}`);
      symlinkSync('/dev/null', file);
      return `Name=gpu${type === '' ? '' : ` Type=${type.slice(1)}`} File=${file}`;
    }),
  );
}

function slurmdbdConf(place: Place): string[] {
  return [
    'AuthType=auth/munge',
    `AuthInfo=socket=${mungeSocket(place)}`,
    'DbdHost=slurmctl',
    `DbdAddr=${controllerAddress(place)}`,
    `DbdPort=${place.port + 2}`,
    'CommunicationParameters=NoInAddrAny',
    'SlurmUser=root',
    `PidFile=${place.dir}/run/slurmdbd.pid`,
    'StorageType=accounting_storage/mysql',
    'StorageHost=localhost',
    'StorageUser=root',
    'StorageLoc=slurm_acct_db',
    'CommitDelay=0',
  ];
}
