/** `dl_jobs doctor`: looks at all that runs depend on, from the simplest on, and says what to mend. */
import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { DlJobsError } from '../base/errors.js';
import { isRecent, OLDEST_NODE, OLDEST_PYTHON } from '../base/oldest-versions.js';
import { formatSize } from '../base/sizes.js';
import { defaultResolved, loadSettings, overlay, type ResolvedSettings } from '../config/load.js';
import { nearest } from '../config/nearest.js';
import { environmentName, SETTING_KEYS, type Settings } from '../config/settings.js';
import { failed, ok, warning, type Check } from '../contract/check.js';
import type { JobSpec } from '../contract/spec.js';
import { loadPlatform } from '../platforms/registry.js';
import { realRoot } from '../snapshot/snapshot.js';
import { diskOf, faultsOf, makeFolder, type MadeFolder } from '../store/try-folder.js';
import { askPython } from '../worker/ask-python.js';
import { dlsRootOf } from './prepare.js';
import { jobPlatform, jobSpec } from './resolve-job.js';

export interface DoctorOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Settings of the command line. */
  readonly commandLine: Partial<Settings>;
  readonly probe: boolean;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Ends early once the signal is aborted. */
export async function* examine(options: DoctorOptions): AsyncGenerator<Check> {
  let settings: ResolvedSettings;
  try {
    settings = await loadSettings(options);
    yield configCheck(settings);
  } catch (error) {
    if (!(error instanceof DlJobsError)) throw error;
    yield failed('config', `${error.message}; what follows is with the defaults`, error.hint ?? '');
    settings = defaultResolved(options.cwd);
  }
  settings = overlay(settings, 'command line', options.commandLine, (key) => `--${key}`);
  yield* variableChecks(options.env);
  yield nodeCheck();
  yield await pythonCheck(settings);
  const dlsRoot = dlsRootOf(settings);
  let made: MadeFolder | null = null;
  try {
    try {
      made = makeFolder(dlsRoot);
    } catch (error) {
      yield broken('dls_root', error);
    }
    if (made !== null) yield* folderChecks(dlsRoot, made);
    yield outputsCheck(settings);
    if (options.signal.aborted) return;
    yield* platformChecks(settings, made === null ? null : dlsRoot, options);
  } finally {
    made?.undo();
  }
}

function configCheck({ project, sources }: ResolvedSettings): Check {
  const of = (level: string): number => SETTING_KEYS.filter((key) => sources[key].level === level).length;
  const [file, environment] = [of('file'), of('environment')];
  const more = environment === 0 ? '' : `, and ${environment} from the environment`;
  return ok(
    'config',
    project.configFile === null
      ? `no dl_jobs.config.yaml, so the defaults${more}; the project is ${project.root}`
      : `${project.configFile}: ${file} of ${SETTING_KEYS.length} settings${more}`,
  );
}

/** Variables of ours that are no settings. */
const OTHER_VARIABLES = ['DL_JOBS_CI', 'DL_JOBS_INSPECT', 'DL_JOBS_WORKER_SECONDS'];

function* variableChecks(env: DoctorOptions['env']): Generator<Check> {
  const known = [...SETTING_KEYS.map(environmentName), ...OTHER_VARIABLES];
  const unknown = Object.keys(env).filter((name) => name.startsWith('DL_JOBS_') && !known.includes(name));
  if (unknown.length === 0) return;
  const near = nearest(unknown[0] ?? '', known);
  yield warning(
    'variables',
    `no setting is called as ${unknown.join(', ')}`,
    near === undefined ? 'See the settings with `dl_jobs config --info`.' : `Did you mean ${near}?`,
  );
}

function nodeCheck(): Check {
  const { node } = process.versions;
  const text = `${node}, ${process.execPath}`;
  if (isRecent(node, OLDEST_NODE)) return ok('node', text);
  return failed('node', text, `dl_jobs needs Node.js ${OLDEST_NODE.join('.')} or later.`);
}

async function pythonCheck({ values, sources, project }: ResolvedSettings): Promise<Check> {
  const { python } = values;
  const found = await askPython(python, project.root);
  const needed = `${OLDEST_PYTHON.join('.')} or later`;
  const hint = `Set \`python\` to an interpreter, ${needed}; a path into a virtual environment works.`;
  // Nobody who writes tasks in TypeScript alone needs one.
  const complain = sources.python.level === 'default' ? warning : failed;
  if (typeof found === 'string')
    return complain('python', `\`${python}\` cannot run Python tasks: ${found}`, hint);
  const text = `${found.version}, ${found.path}`;
  return isRecent(found.version, OLDEST_PYTHON) ? ok('python', text) : complain('python', text, hint);
}

/** With less than this a run soon has nowhere to write to. */
const LEAST_FREE = 100 * 1024 ** 2;
const LITTLE_FREE = 1024 ** 3;
const FEW_FILES = 10_000;

function* folderChecks(dlsRoot: string, { isNew }: MadeFolder): Generator<Check> {
  let faults: string[];
  try {
    faults = faultsOf(dlsRoot);
  } catch (error) {
    yield broken('dls_root', error);
    return;
  }
  const { type, source, free, freeFiles } = diskOf(dlsRoot);
  const on = type === '' ? '' : `, on ${type}${source === '' || source === type ? '' : ` (${source})`}`;
  const text = `${dlsRoot}${isNew ? ', which the first run makes' : ''}${on}`;
  yield type === 'tmpfs' || type === 'ramfs'
    ? warning('dls_root', text, 'It is in memory: records of runs are gone when the machine starts anew.')
    : ok('dls_root', text);
  yield faults.length === 0
    ? ok('locking', 'files are made, linked and renamed there as locks and claims need it')
    : failed(
        'locking',
        `on that file system ${faults.join('; ')}`,
        'Set `dls_root` to a folder on another file system, one of Linux itself or NFS.',
      );
  const disk = `${formatSize(free)} free${freeFiles === null ? '' : `, room for ${freeFiles} files`}`;
  const isFull = free < LEAST_FREE || freeFiles === 0;
  if (isFull) yield failed('disk', disk, 'Make room: `dl_jobs clean --older-than 7d` deletes old runs.');
  else if (free < LITTLE_FREE || (freeFiles ?? Infinity) < FEW_FILES) {
    yield warning('disk', disk, 'Make room: `dl_jobs clean --older-than 7d` deletes old runs.');
  } else yield ok('disk', disk);
}

function outputsCheck({ values, project }: ResolvedSettings): Check {
  const folders = (['results_dir', 'errors_dir', 'log_dir'] as const).map((key) => {
    const path = isAbsolute(values[key]) ? values[key] : join(realRoot(project.root), values[key]);
    return { key, path };
  });
  const closed = folders.filter(({ path }) => !canWrite(path));
  if (closed.length === 0) return ok('outputs', folders.map(({ path }) => path).join(', '));
  return failed(
    'outputs',
    `you may not write to ${closed.map(({ path }) => path).join(', ')}`,
    `Set ${closed.map(({ key }) => `\`${key}\``).join(', ')} to folders that you can write.`,
  );
}

/** To it, or to the folder that it would be made in. */
function canWrite(path: string): boolean {
  let folder = path;
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function* platformChecks(
  settings: ResolvedSettings,
  dlsRoot: string | null,
  options: DoctorOptions,
): AsyncGenerator<Check> {
  const { platform: name, is_dev: isDev } = settings.values;
  const platform = await loadPlatform(name);
  const stays = jobPlatform({ moduleName: '', platformJob: true }, settings, true) !== name;
  yield ok(
    'platform',
    isDev && stays
      ? `${name}; is_dev is true, so \`dl_jobs run\` goes there only with --platform ${name} or --dev false`
      : name,
  );
  const spec = emptyJob(settings, name);
  const { probe, waitMs, signal } = options;
  const projectRoot = realRoot(settings.project.root);
  if (platform.checkup === undefined) return;
  yield* platform.checkup({ spec, dlsRoot, projectRoot, probe, waitMs, signal });
}

/** A job that does nothing, and asks for what the settings say. */
function emptyJob(settings: ResolvedSettings, platform: string): JobSpec {
  const found = { file: '', language: 'python' } as const;
  const none = { limit: null, sample: null };
  return jobSpec({ moduleName: 'doctor' }, settings, found, 'dl_jobs.doctor', platform, none);
}

/** What an error says, as a check. */
function broken(name: string, error: unknown): Check {
  if (!(error instanceof DlJobsError)) throw error;
  return failed(name, error.message, error.hint ?? '');
}
