/**
 * Follows the imports of TypeScript and JavaScript modules through the project, and transpiles each file on its own:
 * paths, `import.meta.url` and stacks stay those of separate files, and no loader runs in the hosts.
 *
 * Two passes of esbuild: one finds the graph and how each specifier resolves (tsconfig `paths`, extensionless and
 * JSON imports, package `imports`), the second writes each file with its specifiers pointing at the files beside it.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildOptions, Metafile, Plugin } from 'esbuild';
import { packageRoot } from '../base/package-root.js';
import { JobError } from '../base/errors.js';

/** A transpiled file of the user's. */
export interface NodeFile {
  /** Relative to the root, `/` as separator. */
  readonly file: string;
  /** File to load instead: `tiles/segment.ts.mjs`. Null: nothing was transpiled (JSON, inlined where it is imported). */
  readonly output: string | null;
  readonly code: string;
  readonly map: string;
}

const SOURCE = /\.[mc]?[jt]sx?$/;
const FROM_RESOLVE = Symbol('resolve');
const BUILTINS = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));

/** `${importer}\0${specifier}\0${kind}` to the project file that it means. */
type Resolutions = Map<string, string>;

/**
 * All project files that `entries` (absolute) import, themselves included, transpiled.
 * Throws MODULE_LOAD_FAILED for a file that does not parse.
 */
export async function buildNodeGraph(root: string, entries: readonly string[]): Promise<NodeFile[]> {
  const esbuild = await import('esbuild');
  const real = realpathSync(root);
  const resolutions: Resolutions = new Map();
  const common: BuildOptions = {
    bundle: true,
    write: false,
    platform: 'node',
    target: `node${process.versions.node}`,
    absWorkingDir: real,
    outbase: real,
    outdir: real,
    logLevel: 'silent',
    metafile: true,
    charset: 'utf8',
    // What follows a thrown error must still be named as the user named it.
    keepNames: true,
  };
  try {
    const scan = await esbuild.build({
      ...common,
      format: 'esm',
      entryPoints: entries.map((entry) => realpathSync(entry)),
      plugins: [scanPlugin(real, resolutions)],
    });
    const inputs = (scan.metafile as Metafile).inputs;
    const sources = Object.keys(inputs).filter((file) => SOURCE.test(file) && !file.startsWith('..'));
    const data = Object.keys(inputs).filter(
      (file) => !SOURCE.test(file) && !file.startsWith('..') && !file.includes(':'),
    );
    const files: NodeFile[] = data.map((file) => ({ file, output: null, code: '', map: '' }));
    const groups = new Map<Format, string[]>();
    for (const file of sources) {
      const format = formatOf(real, file, inputs[file] as Metafile['inputs'][string]);
      groups.set(format, [...(groups.get(format) ?? []), file]);
    }
    const outputs = new Map<string, string>();
    for (const [format, group] of groups)
      for (const file of group) outputs.set(file, outputName(file, format));
    for (const [format, group] of groups) {
      const built = await esbuild.build({
        ...common,
        ...FORMATS[format],
        sourcemap: 'linked',
        sourcesContent: false,
        entryPoints: group.map((file) => ({ in: join(real, file), out: file })),
        plugins: [linkPlugin(real, resolutions, outputs)],
      });
      const texts = new Map(built.outputFiles?.map((out) => [toPosix(relative(real, out.path)), out.text]));
      for (const file of group) {
        const output = outputs.get(file) as string;
        files.push({ file, output, code: texts.get(output) ?? '', map: texts.get(`${output}.map`) ?? '' });
      }
    }
    return files.sort((a, b) => (a.file < b.file ? -1 : 1));
  } catch (error) {
    throw buildError(error, real);
  }
}

type Format = 'esm' | 'esm-with-require' | 'cjs';

const FORMATS: Record<Format, BuildOptions> = {
  esm: { format: 'esm', outExtension: { '.js': '.mjs' } },
  // Written for a CommonJS package but with import syntax: __dirname and require are expected to be there.
  'esm-with-require': {
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    banner: {
      js:
        "import { createRequire as __dlRequire } from 'node:module'; const require = __dlRequire(import.meta.url);" +
        'const __filename = import.meta.filename; const __dirname = import.meta.dirname;',
    },
  },
  cjs: { format: 'cjs', outExtension: { '.js': '.cjs' } },
};

function outputName(file: string, format: Format): string {
  return `${file}${format === 'cjs' ? '.cjs' : '.mjs'}`;
}

function formatOf(root: string, file: string, input: Metafile['inputs'][string]): Format {
  if (/\.c[jt]s$/.test(file)) return 'cjs';
  if (/\.m[jt]s$/.test(file) || isModulePackage(root, file)) return 'esm';
  if (input.format === 'cjs') return 'cjs';
  const source = readFileSync(join(root, file), 'utf8');
  if (input.format === undefined && /\b(?:module\.exports|exports\.)/.test(source)) return 'cjs';
  const wantsRequire = /\b(?:require|__dirname|__filename)\b/.test(source);
  const declares = /\b(?:const|let|var|function)\s+(?:require|__dirname|__filename)\b/.test(source);
  return wantsRequire && !declares ? 'esm-with-require' : 'esm';
}

function isModulePackage(root: string, file: string): boolean {
  for (let folder = dirname(join(root, file)); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) {
      try {
        return (JSON.parse(readFileSync(manifest, 'utf8')) as { type?: unknown }).type === 'module';
      } catch {
        return false;
      }
    }
    if (folder === dirname(folder)) return false;
  }
}

function scanPlugin(root: string, resolutions: Resolutions): Plugin {
  return {
    name: 'dl-jobs-scan',
    setup(build) {
      build.onResolve({ filter: /.*/ }, async (args) => {
        if (args.kind === 'entry-point' || args.pluginData === FROM_RESOLVE) return undefined;
        if (BUILTINS.has(args.path)) return { path: args.path, external: true };
        const { resolveDir, importer, kind } = args;
        const found = await build.resolve(args.path, {
          resolveDir,
          importer,
          kind,
          pluginData: FROM_RESOLVE,
        });
        if (found.errors.length > 0 || found.external) return { path: args.path, external: true };
        const file = insideOf(root, found.path);
        if (file === null) return { path: args.path, external: true };
        resolutions.set(`${toPosix(relative(root, importer))}\0${args.path}`, file);
        if (!SOURCE.test(file) && !file.endsWith('.json')) return { path: args.path, external: true };
        return { path: found.path };
      });
    },
  };
}

/** Each file on its own: what is the project's is imported from the output beside it, all else as it was written. */
function linkPlugin(root: string, resolutions: Resolutions, outputs: ReadonlyMap<string, string>): Plugin {
  return {
    name: 'dl-jobs-link',
    setup(build) {
      build.onResolve({ filter: /.*/ }, (args) => {
        if (args.kind === 'entry-point') return undefined;
        const importer = toPosix(relative(root, args.importer));
        const file = resolutions.get(`${importer}\0${args.path}`);
        if (file === undefined) return { path: externalPath(args.path, args.resolveDir), external: true };
        // Inlined, and thereby frozen; Node would ask for an import attribute.
        if (file.endsWith('.json')) return { path: join(root, file) };
        const target = toPosix(relative(dirname(importer), outputs.get(file) ?? file));
        return { path: target.startsWith('.') ? target : `./${target}`, external: true };
      });
    },
  };
}

/** `dl-jobs` itself is found even where the project has not installed it: the one that runs us. */
function externalPath(specifier: string, resolveDir: string): string {
  if (specifier === 'dl-jobs' && !hasPackage(resolveDir, 'dl-jobs')) {
    return pathToFileURL(join(packageRoot(), 'dist', 'index.js')).href;
  }
  // A relative import that leaves the project, or of something that does not exist (then Node says so).
  if (specifier.startsWith('.')) return specifier;
  return isAbsolute(specifier) ? pathToFileURL(specifier).href : specifier;
}

function hasPackage(from: string, name: string): boolean {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules', name))) return true;
    if (folder === dirname(folder)) return false;
  }
}

/** Path relative to the root when `path` is the project's own; null for dependencies and what lies outside. */
function insideOf(root: string, path: string): string | null {
  const file = toPosix(relative(root, path));
  if (file.startsWith('../') || isAbsolute(file)) return null;
  return file.split('/').includes('node_modules') ? null : file;
}

function toPosix(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}

interface BuildMessage {
  readonly text: string;
  readonly location: {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly lineText: string;
  } | null;
}

function buildError(error: unknown, root: string): unknown {
  const messages = (error as { errors?: readonly BuildMessage[] }).errors;
  if (!Array.isArray(messages)) return error;
  const [first] = messages as readonly BuildMessage[];
  if (first === undefined) return error;
  const at = first.location;
  const where = at === null ? '' : `${join(root, at.file)}:${at.line}:${at.column + 1}: `;
  return new JobError(
    'MODULE_LOAD_FAILED',
    `${where}${first.text}${at === null ? '' : `\n  ${at.lineText.trim()}`}`,
    {
      hint:
        messages.length > 1
          ? `${messages.length - 1} more like it; mend the file and run again.`
          : 'Mend the file and run again.',
    },
  );
}
