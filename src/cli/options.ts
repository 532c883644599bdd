/** The table of commands and options: the tokenizer, `--help` and docs/configuration.md are made from it. */
import { UsageError } from '../base/errors.js';
import { describeKind } from '../config/parse.js';
import { SETTING_KEYS, settingSpec, type SettingKey, type Settings } from '../config/settings.js';

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
  readonly force?: boolean;
  readonly info?: boolean;
}

const RUNS: readonly Command[] = ['run', 'map', 'test'];
const METAVARS = { boolean: 'BOOLEAN', integer: 'N', image: 'IMAGE' } as const;

function settingOption(setting: SettingKey, name: string): OptionSpec {
  const spec = settingSpec(setting);
  const detail = spec.kind === 'image' || spec.kind === 'choice' ? ` (${describeKind(spec)})` : '';
  return {
    name,
    takes: spec.kind === 'boolean' ? 'boolean' : 'value',
    metavar: spec.kind in METAVARS ? METAVARS[spec.kind as keyof typeof METAVARS] : 'NAME',
    description: spec.description + detail,
    commands: [...RUNS, 'config'],
    setting,
  };
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
    name: 'force',
    takes: 'boolean',
    metavar: 'BOOLEAN',
    description: 'Overwrite an existing configuration file.',
    commands: ['config'],
  },
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
