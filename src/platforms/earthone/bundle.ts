/** The zip that a job becomes: its Python as it was frozen, its data, our wrapper. The same content has the same hash. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { zipSync, type Zippable } from 'fflate';
import { JobError } from '../../base/errors.js';
import { formatSize } from '../../base/sizes.js';
import { packageRoot } from '../../base/package-root.js';
import type { JobSpec } from '../../contract/spec.js';
import { packagesOf } from '../../snapshot/snapshot.js';
import { dataFiles } from './data-files.js';
import { ENTRY_POINT, entryPoint } from './entry-point.js';
import { earthOneRequest } from './request.js';
import { requirementsText } from './requirement-rules.js';

export interface BundleRequest {
  readonly spec: JobSpec;
  /** Root of the snapshot, absolute. */
  readonly code: string;
  /** The file to load, absolute, inside `code`. */
  readonly entry: string;
  /** Data is named from there. */
  readonly projectRoot: string;
  /** Where runs are, absolute: never data. */
  readonly dlsRoot: string;
}

export interface BundleFile {
  /** In the bundle, `/` as separator. */
  readonly path: string;
  readonly size: number;
}

export interface Bundle {
  /** Of names and contents, 64 hex digits: how they are packed is no part of it. */
  readonly hash: string;
  /** Sorted. */
  readonly files: readonly BundleFile[];
  readonly warnings: readonly string[];
  /** The zip. Throws BUNDLE_INVALID where a file is no longer what the hash is of. */
  bytes(): Uint8Array;
}

/** A file on disk, or the text of one that is made. */
type Content = { readonly file: string } | { readonly text: string };

const REQUIREMENTS = 'requirements.txt';
const GUEST = 'dl_jobs';
/** What only a host, the tracer or a debugger on this machine needs. */
const NOT_SENT = new Set([
  '_host',
  '_serve',
  '_records',
  '_progress',
  '_inspect',
  '_trace',
  '_define',
  '_signatures',
]);
/** What Python imports: as the tracer's. */
const PYTHON = /\.(?:py|so|pyd)$/;
/** All of it is in memory once, and in a zip without the extension for more than 4 GB. */
const MOST_BYTES = 2 ** 31 - 1;
/** The zip's times have no zone: this is the same on every machine, whatever its own. */
const TIME = new Date(2020, 0, 1);

/** Reads everything, and throws JOB_INVALID, EARTHONE_UNSUPPORTED or BUNDLE_INVALID before anything is sent. */
export function makeBundle({ spec, code, entry, projectRoot, dlsRoot }: BundleRequest): Bundle {
  const contents = new Map<string, Content>();
  for (const path of pythonFiles(code, '')) contents.set(path, { file: join(code, path) });
  const data = dataFiles(spec.data, projectRoot, dlsRoot);
  for (const path of data.files) {
    // A module that was frozen stays what it was then.
    if (!contents.has(path)) contents.set(path, { file: join(projectRoot, path) });
  }
  for (const path of contents.keys()) refuseName(path);
  const guest = join(packageRoot(), 'python', GUEST);
  for (const name of readdirSync(guest)) {
    if (!name.endsWith('.py') || NOT_SENT.has(name.slice(0, -3))) continue;
    contents.set(`${GUEST}/${name}`, { file: join(guest, name) });
  }
  const requirements = requirementsText(packagesOf(code));
  if (requirements !== null) contents.set(REQUIREMENTS, { text: requirements });
  contents.set(ENTRY_POINT, { text: entryText(spec, relative(code, entry).split(sep).join('/')) });
  return packed(contents, data.warnings);
}

function entryText(spec: JobSpec, file: string): string {
  return entryPoint({
    module: spec.moduleName,
    file,
    method: spec.methodName,
    call: spec.call,
    grouped: spec.groupedResults,
    retries: earthOneRequest(spec).retryCount,
    retryOn: spec.policy.retryOn,
    redact: spec.redact,
    secrets: spec.env,
  });
}

/** The files of the snapshot that are its own; links lead to the rest of the project. */
function pythonFiles(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((item) => {
    const path = folder === '' ? item.name : `${folder}/${item.name}`;
    if (item.isDirectory()) return pythonFiles(root, path);
    return item.isFile() && PYTHON.test(path) ? [path] : [];
  });
}

function refuseName(path: string): void {
  const [top = ''] = path.split('/');
  if (
    path !== '__main__.py' &&
    path !== ENTRY_POINT &&
    path !== REQUIREMENTS &&
    path !== '__proto__' &&
    top !== GUEST
  )
    return;
  const hint =
    path === REQUIREMENTS
      ? 'EarthOne would install what it says: give it as `requirements` of the job.'
      : path === '__main__.py'
        ? 'EarthOne takes no file of that name at the top of a project.'
        : `That name belongs to dl_jobs in what is sent: rename or move it.`;
  throw new JobError(
    'BUNDLE_INVALID',
    `data and modules: expected files with names that are free, got \`${path}\``,
    { hint },
  );
}

function packed(contents: ReadonlyMap<string, Content>, warnings: readonly string[]): Bundle {
  const hash = createHash('sha256');
  const paths = [...contents.keys()].sort();
  const digests = new Map<string, string>();
  let total = 0;
  const files = paths.map((path): BundleFile => {
    const bytes = read(contents, path);
    const digest = createHash('sha256').update(bytes).digest('hex');
    digests.set(path, digest);
    hash.update(JSON.stringify([path, digest]));
    total += bytes.length;
    return { path, size: bytes.length };
  });
  if (total > MOST_BYTES) throw tooLarge(files, total);
  return { hash: hash.digest('hex'), files, warnings, bytes: () => zip(contents, digests) };
}

function zip(contents: ReadonlyMap<string, Content>, digests: ReadonlyMap<string, string>): Uint8Array {
  const entries: Zippable = {};
  for (const [path, digest] of digests) {
    const bytes = read(contents, path);
    if (createHash('sha256').update(bytes).digest('hex') !== digest) {
      throw new JobError('BUNDLE_INVALID', `${path} changed while the job was being submitted`, {
        hint: 'Nothing was sent. Submit again when the file is complete.',
      });
    }
    // Unix, a plain file that all may read.
    entries[path] = [bytes, { mtime: TIME, os: 3, attrs: 0o100644 << 16 }];
  }
  for (const folder of namespaces(digests)) {
    entries[`${folder}/`] = [new Uint8Array(0), { mtime: TIME, os: 3, attrs: 0o40755 << 16 }];
  }
  return zipSync(entries, { level: 6 });
}

/** Folders with Python below that are no packages: within a zip Python looks into those only that have an entry. */
function namespaces(paths: ReadonlyMap<string, unknown>): string[] {
  const folders = new Set<string>();
  for (const path of paths.keys()) {
    if (!PYTHON.test(path)) continue;
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end);
      if (!paths.has(`${folder}/__init__.py`)) folders.add(folder);
    }
  }
  return [...folders].sort();
}

function read(contents: ReadonlyMap<string, Content>, path: string): Uint8Array {
  const content = contents.get(path);
  if (content === undefined) throw new Error(`no content of ${path}`);
  if ('text' in content) return Buffer.from(content.text, 'utf8');
  try {
    return readFileSync(content.file);
  } catch (error) {
    throw new JobError('BUNDLE_INVALID', `${path} cannot be read: ${(error as Error).message}`, {
      hint: 'It belongs to what the job sends. Make it readable, or leave it out of `data` and `modules`.',
      cause: error,
    });
  }
}

function tooLarge(files: readonly BundleFile[], total: number): JobError {
  const largest = files.reduce((a, b) => (b.size > a.size ? b : a));
  return new JobError(
    'BUNDLE_INVALID',
    `expected at most ${formatSize(MOST_BYTES)} of code and data, got ${formatSize(total)}`,
    {
      hint: `The largest file is ${largest.path}, ${formatSize(largest.size)}. Let tasks fetch large data from storage.`,
    },
  );
}
