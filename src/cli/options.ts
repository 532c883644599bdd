/** The table of commands and options: the tokenizer, `--help` and docs/configuration.md are made from it. */
import { UsageError } from '../base/errors.js';
import { describeKind } from '../config/parse.js';
import {
  SETTING_KEYS,
  settingSpec,
  type SettingKey,
  type Settings,
  type SettingSpec,
} from '../config/settings.js';
import { FAILURE_TYPES, type FailureType } from '../contract/record.js';

export const COMMANDS = {
  run: {
    synopsis: 'dl_jobs run [OPTIONS] METHOD [ARGS] [KWARGS]',
    summary: 'Run a job of this project.',
    details: [
      'method: module_name or full method <module_name.method_name>, from the folder run/',
      'args:   list of args (ie. arg1 arg2 arg3)',
      'kwargs: list of kwargs (ie. kwarg1=value1 kwarg2=value2, or kwarg1:=json for a typed value)',
      '',
      'dl_jobs run METHOD --help shows the parameters of that job function.',
    ],
  },
  map: {
    synopsis: 'dl_jobs map [OPTIONS] MODULE.METHOD --args_list FILE|-',
    summary: 'Run a task function over a file or standard input, without a job function.',
    details: [
      'Each line or row of FILE is one task; - reads NDJSON from standard input.',
      'For instance: seq 5 | dl_jobs map tasks.numbers.square --args_list -',
    ],
  },
  test: {
    synopsis: 'dl_jobs test [OPTIONS] NB_JOBS [ARGS] [KWARGS]',
    summary: 'Run NB_JOBS tasks that return their args, kwargs and options.',
    details: ['For instance: dl_jobs test 2 a b c hello=world --dev True'],
  },
  list: {
    synopsis: 'dl_jobs list',
    summary: 'List the job functions of this project.',
    details: [],
  },
  resume: {
    synopsis: 'dl_jobs resume [OPTIONS] [RUN]',
    summary: 'Go on with a run that was interrupted, killed, stopped or canceled.',
    details: [
      'RUN is an id, the beginning of one, or a group; without it the latest invocation goes on.',
      'Same code, same arguments; only tasks without an outcome run.',
    ],
  },
  retry: {
    synopsis: 'dl_jobs retry [OPTIONS] [RUN]',
    summary: 'Run the tasks of a run that failed again.',
    details: [
      'RUN is an id or the beginning of one; without it the latest run.',
      'What succeeds now takes the place of the old error. For instance: dl_jobs retry --memory 8GB --code new',
    ],
  },
  runs: {
    synopsis: 'dl_jobs runs [OPTIONS]',
    summary: 'List the runs of this project, the latest last.',
    details: [],
  },
  status: {
    synopsis: 'dl_jobs status [OPTIONS] [RUN]',
    summary: 'Show how a run is doing: counts, rate, failures, slowest tasks, workers.',
    details: [],
  },
  results: {
    synopsis: 'dl_jobs results [OPTIONS] [RUN]',
    summary: 'Print the results of a run, also while it is running.',
    details: [],
  },
  errors: {
    synopsis: 'dl_jobs errors [OPTIONS] [RUN]',
    summary: 'Show the errors of a run by type and message, and how to reproduce them.',
    details: [],
  },
  logs: {
    synopsis: 'dl_jobs logs [OPTIONS] [RUN]',
    summary: 'Print what the tasks of a run wrote.',
    details: [],
  },
  replay: {
    synopsis: 'dl_jobs replay [OPTIONS] [RUN] --task N',
    summary: 'Run one recorded task again, here, with the current code; nothing is recorded.',
    details: ['For instance: dl_jobs replay --task 17 --inspect'],
  },
  attach: {
    synopsis: 'dl_jobs attach [RUN]',
    summary: 'Watch a run that was started elsewhere; Ctrl-C leaves it running.',
    details: [],
  },
  cancel: {
    synopsis: 'dl_jobs cancel [RUN]',
    summary: 'End a run, and see to it that nothing of it is left running.',
    details: ['`dl_jobs resume` can go on with it later.'],
  },
  outputs: {
    synopsis: 'dl_jobs outputs [RUN]',
    summary: 'Write the results, errors and log files of a run anew, in the order of its arguments.',
    details: [],
  },
  path: {
    synopsis: 'dl_jobs path [RUN]',
    summary: "Print where a run's folder is.",
    details: [],
  },
  rm: {
    synopsis: 'dl_jobs rm [OPTIONS] RUN...',
    summary: 'Delete the folders of runs that have ended. Their results, errors and log files stay.',
    details: [],
  },
  clean: {
    synopsis: 'dl_jobs clean --older-than AGE',
    summary: 'Delete the folders of all runs that ended longer ago than AGE, and what crashes left.',
    details: ['For instance: dl_jobs clean --older-than 7d'],
  },
  config: {
    synopsis: 'dl_jobs config [OPTIONS] [KWARGS]',
    summary: 'Write dl_jobs.config.yaml, or show the settings in force.',
    details: [
      'Writes the file into the folder you stand in, with a comment for each setting.',
      'Pass kwargs to preset values (ie `noisy=False`). An existing file stays unless --force is given.',
      'With --info nothing is written: it prints each setting and where its value comes from.',
    ],
  },
  init: {
    synopsis: 'dl_jobs init [FOLDER]',
    summary: 'Make a small working project.',
    details: [
      'Writes a configuration, a TypeScript job and a Python job into FOLDER, or where you stand.',
      'If one of its files is already there, nothing is written.',
    ],
  },
} as const satisfies Record<string, { synopsis: string; summary: string; details: readonly string[] }>;

export type Command = keyof typeof COMMANDS;
export const COMMAND_NAMES = Object.keys(COMMANDS) as Command[];

/** True for the name of a command. */
export function isCommand(name: string): name is Command {
  return Object.hasOwn(COMMANDS, name);
}

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
  readonly cpus?: number;
  readonly gpus?: number;
  readonly workers?: number;
  readonly task_concurrency?: number;
  readonly platform?: string;
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
  readonly seal?: boolean;
  readonly skip_damaged?: boolean;
  readonly code?: string;
  readonly failure_type?: readonly FailureType[];
  /** Ranges of task indexes, both ends included. */
  readonly tasks?: readonly (readonly [from: number, to: number])[];
  readonly again?: boolean;
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly task?: number;
  readonly errors?: boolean;
  readonly follow?: boolean;
  readonly format?: string;
  readonly with_args?: boolean;
  readonly inspect?: boolean;
  /** Seconds. */
  readonly older_than?: number;
  readonly force?: boolean;
  readonly info?: boolean;
}

const RUNS: readonly Command[] = ['run', 'map', 'test'];
const CONTINUES: readonly Command[] = ['resume', 'retry'];
/** Settings that a later round of a run may change. */
const OF_ROUNDS: ReadonlySet<SettingKey> = new Set<SettingKey>([
  'noisy',
  'print_logs',
  'workers',
  'task_concurrency',
  'retries',
  'retry_on',
  'retry_delay',
  'timeout',
  'memory',
  'max_failures',
  'fail_fast',
]);
const METAVARS: Partial<Record<SettingSpec['kind'], string>> = {
  boolean: 'BOOLEAN',
  integer: 'N',
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
  flag('json', 'Print JSON.', ['runs', 'status', 'errors']),
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
  flag('force', 'With config: overwrite an existing file. With rm: cancel the run first.', ['config', 'rm']),
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
