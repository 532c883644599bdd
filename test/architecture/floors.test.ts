/**
 * The rules of docs/architecture.md that a machine can check. Each failure names the offending file and the rule.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { repoRoot } from '../support/project.js';

/** Floor of each unit: a folder of src/, or a file that lies in src/ itself. */
const FLOORS: Readonly<Record<string, number>> = {
  'index.ts': 6,
  'earthone.ts': 6,
  cli: 6,
  web: 5,
  job: 4,
  platforms: 3,
  outputs: 3,
  pilot: 3,
  config: 2,
  store: 2,
  worker: 2,
  snapshot: 2,
  envs: 2,
  contract: 1,
  base: 0,
};

/** Where the outside world enters: these may read argv and set the exit code. */
const EDGES = ['cli/bin.ts', 'cli/main.ts', 'worker/node-host.ts'];

const MAX_LINES = 300;
/** A longer file says why within its first 10 lines: `lines: one table, read top to bottom`. */
const REASON = /\blines: \S/;

interface Import {
  readonly target: string;
  readonly line: number;
  /** `import('…')` as an expression: loaded when it is reached. */
  readonly lazy: boolean;
}

interface SourceFile {
  /** Relative to src/, with `/`. */
  readonly name: string;
  readonly imports: readonly Import[];
  /** What it reads of the process: `process.exit`, `console.log`, each with its line. */
  readonly globals: readonly { readonly what: string; readonly line: number }[];
}

function listFiles(folder: string, ends: RegExp): string[] {
  const root = join(repoRoot, folder);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => ends.test(name) && !/(^|\/)(node_modules|dl_jobs\/runs|out|\.cache)\//.test(name))
    .sort();
}

function moduleText(node: ts.Node): { readonly text: string; readonly lazy: boolean } | null {
  if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
    return ts.isStringLiteral(node.moduleSpecifier) ? { text: node.moduleSpecifier.text, lazy: false } : null;
  }
  if (ts.isImportTypeNode(node)) {
    const literal = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
    return literal !== undefined && ts.isStringLiteral(literal) ? { text: literal.text, lazy: false } : null;
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments;
    return argument !== undefined && ts.isStringLiteralLike(argument)
      ? { text: argument.text, lazy: true }
      : null;
  }
  return null;
}

function globalText(node: ts.Node): string | null {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const text = `${node.expression.text}.${node.name.text}`;
    return /^(process\.(argv|exit)|console\.)/.test(text) ? text : null;
  }
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const bindings = node.importClause?.namedBindings;
    if (!/^(node:)?process$/.test(node.moduleSpecifier.text) || bindings === undefined) return null;
    const names = ts.isNamedImports(bindings)
      ? bindings.elements.map((e) => (e.propertyName ?? e.name).text)
      : [];
    const edge = names.find((name) => /^(argv|exit)/.test(name));
    return edge === undefined ? null : `process.${edge}`;
  }
  return null;
}

function read(name: string): SourceFile {
  const text = readFileSync(join(repoRoot, 'src', name), 'utf8');
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const globals: { what: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    const specifier = moduleText(node);
    if (specifier !== null && specifier.text.startsWith('.')) {
      const path = posix.join(posix.dirname(name), specifier.text);
      imports.push({ target: path.replace(/\.js$/, '.ts'), line, lazy: specifier.lazy });
    }
    const what = globalText(node);
    if (what !== null) globals.push({ what, line });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { name, imports, globals };
}

/** `platforms/local` for a file in a platform's folder, else the folder in src/, else the file itself. */
function unitOf(name: string): string {
  const [first = '', second, third] = name.split('/');
  return first === 'platforms' && third !== undefined ? `${first}/${second ?? ''}` : first;
}

function floorOf(name: string): number | undefined {
  const [first = ''] = name.split('/');
  return Object.hasOwn(FLOORS, first) ? FLOORS[first] : undefined;
}

function brokenRule(from: string, { target, lazy }: Import): string | null {
  const [fromUnit, toUnit] = [unitOf(from), unitOf(target)];
  const [fromFloor, toFloor] = [floorOf(from), floorOf(target)];
  if (fromUnit === toUnit) return null;
  if (fromFloor === undefined || toFloor === undefined) return `${target} is on no floor`;
  if (from === 'platforms/registry.ts' && toUnit.startsWith('platforms/')) {
    return lazy ? null : 'the registry loads platforms lazily, with import()';
  }
  if (fromUnit.startsWith('platforms') && toUnit.startsWith('platforms')) return 'no platform knows another';
  if (fromFloor < toFloor)
    return `floor ${fromFloor} imports only from lower floors, not from floor ${toFloor}`;
  if (fromFloor === toFloor) return `${fromUnit} and ${toUnit} are on one floor and so strangers`;
  return null;
}

/** The first circle found, as the files along it. */
function findCycle(files: readonly SourceFile[]): string[] | null {
  const byName = new Map(files.map((file) => [file.name, file]));
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (name: string): string[] | null => {
    const at = path.indexOf(name);
    if (at >= 0) return [...path.slice(at), name];
    if (done.has(name)) return null;
    path.push(name);
    for (const { target } of byName.get(name)?.imports ?? []) {
      const cycle = target === name ? null : walk(target);
      if (cycle !== null) return cycle;
    }
    path.pop();
    done.add(name);
    return null;
  };
  for (const { name } of files) {
    const cycle = walk(name);
    if (cycle !== null) return cycle;
  }
  return null;
}

const files = listFiles('src', /\.ts$/).map(read);

describe('the source', () => {
  test('lies on a floor, each file of it', () => {
    const homeless = files.map((file) => file.name).filter((name) => floorOf(name) === undefined);
    expect(homeless).toEqual([]);
    expect(files.length).toBeGreaterThan(0);
  });

  test('imports files that exist, by their .js name', () => {
    const lost = files.flatMap(({ name, imports }) =>
      imports
        .filter(({ target }) => !target.endsWith('.ts') || !existsSync(join(repoRoot, 'src', target)))
        .map(({ target, line }) => `src/${name}:${line} imports ${target}`),
    );
    expect(lost).toEqual([]);
  });

  test('imports only from lower floors or its own folder', () => {
    const offences = files.flatMap(({ name, imports }) =>
      imports.flatMap((edge) => {
        const rule = brokenRule(name, edge);
        return rule === null ? [] : [`src/${name}:${edge.line} → src/${edge.target}: ${rule}`];
      }),
    );
    expect(offences).toEqual([]);
  });

  test('has no circle of imports, types included', () => {
    expect(findCycle(files)?.join(' → ') ?? null).toBeNull();
  });

  test('reads argv and sets the exit code only at its edges', () => {
    const offences = files
      .filter(({ name }) => !EDGES.includes(name))
      .flatMap(({ name, globals }) =>
        globals
          .filter(({ what }) => what.startsWith('process.'))
          .map(({ what, line }) => `src/${name}:${line} uses ${what}: only ${EDGES.join(', ')} may`),
      );
    expect(offences).toEqual([]);
  });

  test('writes to the console only in cli/', () => {
    const offences = files
      .filter(({ name }) => !name.startsWith('cli/'))
      .flatMap(({ name, globals }) =>
        globals
          .filter(({ what }) => what.startsWith('console.'))
          .map(({ what, line }) => `src/${name}:${line} uses ${what}: only cli/ may`),
      );
    expect(offences).toEqual([]);
  });

  test(`keeps files to ${MAX_LINES} lines, or says at their top why not`, () => {
    const folders = ['src', 'test', 'scripts', 'python', 'bench', 'examples'];
    const tooLong = folders
      .flatMap((folder) => listFiles(folder, /\.(ts|mts|js|mjs|py)$/).map((name) => `${folder}/${name}`))
      .flatMap((name) => {
        const lines = readFileSync(join(repoRoot, name), 'utf8').trimEnd().split('\n');
        if (lines.length <= MAX_LINES || lines.slice(0, 10).some((line) => REASON.test(line))) return [];
        return [`${name}: ${lines.length} lines, and no comment "lines: <reason>" in its first 10`];
      });
    expect(tooLong).toEqual([]);
  });
});

describe('the rule about floors', () => {
  const at = (from: string, target: string, lazy = false): string | null =>
    brokenRule(from, { target, line: 1, lazy });

  test('allows lower floors and the own folder', () => {
    expect(at('cli/main.ts', 'base/errors.ts')).toBeNull();
    expect(at('cli/main.ts', 'cli/words.ts')).toBeNull();
    expect(at('platforms/local/index.ts', 'worker/pool.ts')).toBeNull();
    expect(at('job/run.ts', 'platforms/registry.ts')).toBeNull();
    expect(at('platforms/registry.ts', 'platforms/local/index.ts', true)).toBeNull();
  });

  test('refuses higher floors, strangers and folders without a floor', () => {
    expect(at('base/errors.ts', 'contract/spec.ts')).toContain('floor 0');
    expect(at('store/run.ts', 'worker/pool.ts')).toContain('strangers');
    expect(at('index.ts', 'cli/main.ts')).toContain('strangers');
    expect(at('platforms/local/index.ts', 'platforms/slurm/index.ts')).toContain('no platform');
    expect(at('platforms/local/index.ts', 'platforms/registry.ts')).toContain('no platform');
    expect(at('platforms/registry.ts', 'platforms/local/index.ts')).toContain('lazily');
    expect(at('job/run.ts', 'constructor/x.ts')).toContain('no floor');
  });

  test('sees imports of types, re-exports and lazy imports', () => {
    const names = (text: string): string[] => {
      const source = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true);
      const found: string[] = [];
      const visit = (node: ts.Node): void => {
        const specifier = moduleText(node);
        if (specifier !== null) found.push(`${specifier.text}${specifier.lazy ? ' lazily' : ''}`);
        ts.forEachChild(node, visit);
      };
      visit(source);
      return found;
    };
    expect(
      names(
        "import type { A } from './a.js'; export * from './b.js'; type C = import('./c.js').C; await import('./d.js');",
      ),
    ).toEqual(['./a.js', './b.js', './c.js', './d.js lazily']);
  });

  test('finds a circle', () => {
    const file = (name: string, ...targets: string[]): SourceFile => ({
      name,
      imports: targets.map((target) => ({ target, line: 1, lazy: false })),
      globals: [],
    });
    expect(findCycle([file('a', 'b'), file('b', 'c'), file('c', 'b')])).toEqual(['b', 'c', 'b']);
    expect(findCycle([file('a', 'b', 'c'), file('b', 'c'), file('c')])).toBeNull();
  });
});
