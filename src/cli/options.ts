/**
 * The table of options: the tokenizer, `--help` and docs/configuration.md are made from it.
 * lines: one table, read top to bottom.
 */
import { UsageError } from '../base/errors.js';
import { describeKind } from '../config/parse.js';
import {
  SETTING_KEYS,
  settingSpec,
  type Gpus,
  type PlatformOptions,
  type SettingKey,
  type Settings,
  type SettingSpec,
} from '../config/settings.js';
import type { Command } from './command-table.js';
import { FAILURE_TYPES, type FailureType } from '../contract/record.js';
import type { ContainerChoice } from '../contract/spec.js';

export interface OptionSpec {
  /** With underscores; dashes are the same. */
  readonly name: string;
  /** A boolean one takes the next word only if that spells a switch; a value one takes it always. */
  readonly takes: 'boolean' | 'value';
  /** What stands for the value in `--help`. */
  readonly metavar: string;
  readonly description: string;
  readonly commands: readonly Command[];
  /** The setting it sets. */
  readonly setting?: SettingKey;
}

/** The options that were given on the command line, and only these. */
export interface GivenOptions {
  readonly dev?: boolean;
  readonly noisy?: boolean;
  readonly print_logs?: boolean;
  readonly cpu_job?: boolean;
  /** An address. */
  readonly cpu_image?: string;
  /** An address. */
  readonly gpu_image?: string;
  readonly container?: ContainerChoice;
  readonly cpus?: number;
  readonly gpus?: Gpus;
  readonly workers?: number;
  readonly task_concurrency?: number;
  readonly platform?: string;
  readonly max_workers?: number;
  readonly hosts_per_worker?: number;
  /** Seconds. */
  readonly time?: number | null;
  readonly partition?: string | null;
  readonly account?: string | null;
  readonly qos?: string | null;
  readonly constraint?: string | null;
  readonly nodelist?: string | null;
  readonly exclude?: string | null;
  readonly slurm?: PlatformOptions;
  /** A path, or `-` for standard input. */
  readonly args_list?: string;
  readonly limit?: number;
  readonly sample?: number;
  readonly retries?: number;
  readonly retry_on?: readonly FailureType[];
  /** Seconds. */
  readonly retry_delay?: number;
  /** Seconds. */
  readonly timeout?: number | null;
  /** Bytes. */
  readonly memory?: number | null;
  readonly max_failures?: number | `${number}%` | null;
  readonly fail_fast?: boolean;
  readonly shuffle?: boolean;
  readonly ordered?: boolean;
  readonly detach?: boolean;
  readonly dry_run?: boolean;
  readonly probe?: boolean;
  /** Seconds. */
  readonly wait?: number;
  readonly seal?: boolean;
  readonly skip_damaged?: boolean;
  readonly code?: string;
  readonly failure_type?: readonly FailureType[];
  /** Ranges of task indexes, both ends included. */
  readonly tasks?: readonly (readonly [from: number, to: number])[];
  readonly again?: boolean;
  readonly json?: boolean;
  readonly python_package?: boolean;
  readonly watch?: boolean;
  readonly task?: number;
  readonly errors?: boolean;
  readonly follow?: boolean;
  readonly format?: string;
  readonly with_args?: boolean;
  readonly inspect?: boolean;
  /** Seconds. */
  readonly older_than?: number;
  readonly run?: string;
  readonly round?: number;
  readonly checkup?: string;
  readonly force?: boolean;
  readonly remote?: boolean;
  readonly info?: boolean;
}

const RUNS: readonly Command[] = ['run', 'map', 'test'];
const CONTINUES: readonly Command[] = ['resume', 'retry'];
/** Settings that a later round of a run may change. */
const OF_ROUNDS: ReadonlySet<SettingKey> = new Set<SettingKey>([
  'noisy',
  'print_logs',
  'cpus',
  'gpus',
  'container',
  'workers',
  'task_concurrency',
  'max_workers',
  'hosts_per_worker',
  'time',
  'partition',
  'account',
  'qos',
  'constraint',
  'nodelist',
  'exclude',
  'slurm',
  'retries',
  'retry_on',
  'retry_delay',
  'timeout',
  'memory',
  'max_failures',
  'fail_fast',
]);
/** Settings that decide on what a platform is asked for, and so on what `doctor` looks at. */
const OF_DOCTOR: ReadonlySet<SettingKey> = new Set<SettingKey>([
  'platform',
  'cpus',
  'gpus',
  'container',
  'memory',
  'max_workers',
  'hosts_per_worker',
  'time',
  'partition',
  'account',
  'qos',
  'constraint',
  'nodelist',
  'exclude',
  'slurm',
]);
const METAVARS: Partial<Record<SettingSpec['kind'], string>> = {
  boolean: 'BOOLEAN',
  integer: 'N',
  gpus: 'N|TYPE:N',
  options: 'KEY=VALUE',
  image: 'IMAGE',
  seconds: 'TIME',
  timeout: 'TIME',
  size: 'SIZE',
  threshold: 'N|N%',
  choices: 'TYPES',
};

function settingOption(setting: SettingKey, name: string): OptionSpec {
  const spec = settingSpec(setting);
  const detail = ['image', 'choice', 'choices'].includes(spec.kind) ? ` (${describeKind(spec)})` : '';
  return {
    name,
    takes: spec.kind === 'boolean' ? 'boolean' : 'value',
    metavar: METAVARS[spec.kind] ?? 'NAME',
    description: spec.description + detail,
    commands: [
      ...RUNS,
      ...(OF_ROUNDS.has(setting) ? CONTINUES : []),
      ...(setting === 'ordered' ? (['results'] as const) : []),
      ...(OF_DOCTOR.has(setting) ? (['doctor'] as const) : []),
      'config',
    ],
    setting,
  };
}

/** Forms that results can be printed in. */
export const RESULT_FORMATS = ['ndjson', 'json', 'csv'] as const;

function flag(name: string, description: string, commands: readonly Command[]): OptionSpec {
  return { name, takes: 'boolean', metavar: 'BOOLEAN', description, commands };
}

export const OPTIONS: readonly OptionSpec[] = [
  ...SETTING_KEYS.flatMap((key) => {
    const { option } = settingSpec(key);
    return option === undefined ? [] : [settingOption(key, option)];
  }),
  {
    name: 'args_list',
    takes: 'value',
    metavar: 'FILE',
    description: 'Arguments of the tasks: an .ndjson, .json or .csv file, or - for standard input.',
    commands: RUNS,
  },
  {
    name: 'limit',
    takes: 'value',
    metavar: 'N',
    description: 'Run only the first N tasks of each job.',
    commands: RUNS,
  },
  {
    name: 'sample',
    takes: 'value',
    metavar: 'N',
    description: 'Try N tasks first, picked from the whole list; `dl_jobs resume` runs the others.',
    commands: RUNS,
  },
  flag('detach', 'Run in the background, and print the id of the run.', [...RUNS, ...CONTINUES]),
  flag('dry_run', 'Show what would be run, and leave it at that.', RUNS),
  flag('seal', 'Finish what was recorded of an argument list that cannot be continued.', ['resume']),
  flag('skip_damaged', 'Pass over damaged records, and run their tasks again.', CONTINUES),
  {
    name: 'code',
    takes: 'value',
    metavar: 'new|run',
    description:
      '`new` takes the code as it is now, `run` that of the run. [default:\u00a0run, with replay new]',
    commands: [...CONTINUES, 'replay'],
  },
  {
    name: 'failure_type',
    takes: 'value',
    metavar: 'TYPES',
    description: `Only tasks that failed so: ${FAILURE_TYPES.join(', ')}.`,
    commands: ['retry'],
  },
  {
    name: 'tasks',
    takes: 'value',
    metavar: 'LIST',
    description: 'Only these tasks: 3,7-20.',
    commands: ['retry'],
  },
  flag('again', 'Run tasks of --tasks that are ok again, too; what they return takes the place of the old.', [
    'retry',
  ]),
  flag('json', 'Print JSON; config takes it with --info, run, map and test with --dry_run only.', [
    'config',
    ...RUNS,
    'runs',
    'status',
    'errors',
    'doctor',
  ]),
  flag('probe', 'Whether a small job is submitted to see whether a platform works. [default:\u00a0true]', [
    'doctor',
  ]),
  {
    name: 'wait',
    takes: 'value',
    metavar: 'TIME',
    description: 'How long that job may wait for its start. [default:\u00a030s]',
    commands: ['doctor'],
  },
  flag('watch', 'Show it again every second until the run has ended.', ['status']),
  {
    name: 'task',
    takes: 'value',
    metavar: 'N',
    description: 'Only this task: its index in the argument list, from 0.',
    commands: ['logs', 'results', 'replay'],
  },
  flag('errors', 'Only tasks that failed.', ['logs']),
  flag('follow', 'Go on as more is written (-f).', ['logs']),
  {
    name: 'format',
    takes: 'value',
    metavar: RESULT_FORMATS.join('|'),
    description: 'How to print results. [default:\u00a0ndjson]',
    commands: ['results'],
  },
  flag('with_args', 'Print each with its task and arguments.', ['results']),
  flag('inspect', 'Stop in a debugger before the task runs.', ['replay']),
  {
    name: 'older_than',
    takes: 'value',
    metavar: 'AGE',
    description: 'Age of a run since it ended: 12h, 7d.',
    commands: ['clean'],
  },
  {
    name: 'run',
    takes: 'value',
    metavar: 'DIR',
    description: "A run's folder.",
    commands: ['worker'],
  },
  {
    name: 'round',
    takes: 'value',
    metavar: 'N',
    description: 'Number of the round.',
    commands: ['worker'],
  },
  {
    name: 'checkup',
    takes: 'value',
    metavar: 'DIR',
    description: 'Instead of a run: where `dl_jobs doctor` waits to hear of this machine.',
    commands: ['worker'],
  },
  flag('remote', 'Delete what the platform keeps of the run, too.', ['rm']),
  flag('force', 'With config: overwrite an existing file. With rm: cancel the run first.', ['config', 'rm']),
  flag('python_package', 'Print where Python finds the package dl_jobs: a folder for PYTHONPATH.', ['path']),
  {
    name: 'info',
    takes: 'boolean',
    metavar: 'BOOLEAN',
    description: 'Print each setting and where its value comes from.',
    commands: ['config'],
  },
];

const BY_NAME = new Map(OPTIONS.map((option) => [option.name, option]));

/** The option of that name (underscores), whatever command it belongs to. */
export function findOption(name: string): OptionSpec | undefined {
  return BY_NAME.get(name);
}

/** The name of the option that sets `key`, as it is typed, for messages: `--dev` for `is_dev`. */
export function optionOf(key: SettingKey): string {
  return `--${settingSpec(key).option ?? key}`;
}

/**
 * The settings that the given options say, for the level "command line". A platform other than `local`
 * implies `is_dev: false`.
 *
 * @throws UsageError when such a platform is given together with `--dev true`.
 */
export function settingsFromOptions(options: GivenOptions): Partial<Settings> {
  const settings: Record<string, unknown> = {};
  for (const { name, setting } of OPTIONS) {
    const value = options[name as keyof GivenOptions];
    if (setting !== undefined && value !== undefined) settings[setting] = value;
  }
  if (options.platform !== undefined && options.platform !== 'local') {
    if (options.dev === true) {
      throw new UsageError(
        'USAGE',
        `expected --platform ${options.platform} or --dev true, got both; --dev true runs jobs on this machine`,
        { hint: 'Leave one of them out.' },
      );
    }
    settings['is_dev'] = false;
  }
  return settings;
}
