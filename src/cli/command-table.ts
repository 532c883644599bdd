/** The commands there are, and what `--help` says of each. */
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
    summary: "Print where a run's folder is, or the package for Python.",
    details: ['For Python programs that run jobs: export PYTHONPATH="$(dl_jobs path --python_package)"'],
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
  doctor: {
    synopsis: 'dl_jobs doctor [OPTIONS]',
    summary: 'Check whether jobs can run here, and say what to mend.',
    details: [
      'Looks at the configuration, interpreters, disk and the platform that is configured, or --platform NAME.',
      'For instance: dl_jobs doctor --platform slurm --partition gpu --gpus 1',
    ],
  },
  worker: {
    synopsis: 'dl_jobs worker --run DIR --round N',
    summary: 'Work for a run: what a platform starts on its machines.',
    details: ['Takes tasks of round N from the run folder DIR until nothing is left, or its time is up.'],
  },
  guest: {
    synopsis: 'dl_jobs guest REQUESTS ANSWERS',
    summary: 'Run jobs for a Python program: what its `job.run()` starts.',
    details: ['Talks with the program over the pipes that have these descriptors.'],
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
