/** Reads the exported functions of a TypeScript or JavaScript file from its source, without running it. */
import { JobError } from '../base/errors.js';
import type { FunctionSignature } from './signature-types.js';
import { readParameters, staticName, type FunctionNode, type TypeTable } from './read-parameters.js';

type File = ReturnType<typeof import('@babel/parser').parse>;
type Statement = File['program']['body'][number];
type Expression = Extract<Statement, { type: 'ExpressionStatement' }>['expression'];
type Comment = NonNullable<File['comments']>[number];
type Plugin = NonNullable<
  NonNullable<Parameters<typeof import('@babel/parser').parse>[1]>['plugins']
>[number];

/** A function, or a value that may be one, and the statement that its comment stands before. */
interface Found {
  readonly node: FunctionNode | 'opaque';
  readonly at: Statement;
}

const OPAQUE: FunctionSignature['params'] = [{ name: 'words', kind: 'rest', optional: true }];
const DIRECTIVE = /^\s*(eslint|@ts-|prettier-ignore|biome-|istanbul|c8 |v8 )/;

async function parseSource(source: string, filename: string): Promise<File> {
  const { parse } = await import('./babel.js');
  const plugins: Plugin[] = ['decorators', 'explicitResourceManagement'];
  if (/\.[mc]?tsx?$/.test(filename)) plugins.push('typescript');
  if (/\.[jt]sx$/.test(filename)) plugins.push('jsx');
  try {
    return parse(source, {
      plugins,
      sourceType: 'unambiguous',
      allowReturnOutsideFunction: true,
      allowAwaitOutsideFunction: true,
    });
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const { loc } = cause as SyntaxError & { loc?: { line: number; column: number } };
    const place = loc === undefined ? filename : `${filename}:${loc.line}:${loc.column + 1}`;
    throw new JobError('MODULE_LOAD_FAILED', `${place}: ${cause.message.replace(/ \(\d+:\d+\)$/, '')}`, {
      hint: 'Mend the syntax of the file.',
      cause,
    });
  }
}

/** The expression inside `x as T`, `x satisfies T`, `x!`, `<T>x`. */
function unwrap(node: Expression): Expression {
  let inner = node;
  while (
    inner.type === 'TSAsExpression' ||
    inner.type === 'TSSatisfiesExpression' ||
    inner.type === 'TSNonNullExpression' ||
    inner.type === 'TSTypeAssertion' ||
    inner.type === 'ParenthesizedExpression'
  ) {
    inner = inner.expression;
  }
  return inner;
}

/** The text of a comment without `*` and indentation. */
function cleanComment({ type, value }: Comment): string {
  if (type === 'CommentLine') return value.trim();
  return value
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
    .join('\n')
    .trim();
}

/** The JSDoc, or the lines of `//`, that end right above `statement`. */
function docOf(statement: Statement): string {
  const comments = statement.leadingComments ?? [];
  const lines: string[] = [];
  let below = statement.loc?.start.line ?? 0;
  for (const comment of comments.toReversed()) {
    if ((comment.loc?.end.line ?? 0) < below - 1) break;
    below = comment.loc?.start.line ?? 0;
    if (DIRECTIVE.test(comment.value)) continue;
    if (comment.type === 'CommentBlock') return lines.length > 0 ? lines.join('\n') : cleanComment(comment);
    lines.unshift(cleanComment(comment));
  }
  return lines.join('\n');
}

/** Collects what a file declares at its top, and what it exports. */
class Exports {
  readonly types: TypeTable = new Map();
  private readonly locals = new Map<string, Found>();
  private readonly found = new Map<string, Found>();
  private readonly byName: [exported: string, local: string, at: Statement][] = [];

  /** What `node` is worth as an export: a function, perhaps one, or surely none. */
  private value(node: Expression, at: Statement): Found | string | undefined {
    const inner = unwrap(node);
    switch (inner.type) {
      case 'ArrowFunctionExpression':
      case 'FunctionExpression':
        return { node: inner, at };
      case 'Identifier':
        return inner.name;
      case 'CallExpression':
      case 'AwaitExpression':
        return { node: 'opaque', at };
      default:
        return undefined;
    }
  }

  private export(name: string, node: Expression, at: Statement): void {
    const value = this.value(node, at);
    if (typeof value === 'string') this.byName.push([name, value, at]);
    else if (value !== undefined) this.found.set(name, value);
  }

  /** `name` is a declaration of the file's top level; its comment stands before `at`. */
  private declare(statement: Statement, at: Statement, exported: boolean): void {
    if (statement.type === 'FunctionDeclaration' && statement.id) {
      this.locals.set(statement.id.name, { node: statement, at });
      if (exported) this.found.set(statement.id.name, { node: statement, at });
    } else if (statement.type === 'VariableDeclaration') {
      for (const { id, init } of statement.declarations) {
        if (id.type !== 'Identifier' || !init) continue;
        const value = this.value(init, at);
        if (typeof value === 'object') this.locals.set(id.name, value);
        if (exported) this.export(id.name, init, at);
      }
    } else if (statement.type === 'TSInterfaceDeclaration') {
      this.types.set(statement.id.name, 'object');
    } else if (statement.type === 'TSTypeAliasDeclaration') {
      this.types.set(statement.id.name, statement.typeAnnotation);
    } else if (statement.type === 'ImportDeclaration') {
      for (const { local } of statement.specifiers) this.locals.set(local.name, { node: 'opaque', at });
    }
  }

  /** `exports.a = …`, `module.exports.a = …`, `module.exports = …`. */
  private commonJs(statement: Statement): void {
    if (statement.type !== 'ExpressionStatement' || statement.expression.type !== 'AssignmentExpression')
      return;
    const { left, right, operator } = statement.expression;
    if (
      operator !== '=' ||
      left.type !== 'MemberExpression' ||
      left.property.type !== 'Identifier' ||
      left.computed
    )
      return;
    const { object, property } = left;
    const isModule = (node: Expression): boolean =>
      node.type === 'MemberExpression' &&
      node.object.type === 'Identifier' &&
      node.object.name === 'module' &&
      node.property.type === 'Identifier' &&
      node.property.name === 'exports';
    if (isModule(left)) {
      if (right.type === 'ObjectExpression') this.members(right);
      else this.export('default', right, statement);
    } else if (
      (object.type === 'Identifier' && object.name === 'exports') ||
      (object.type !== 'Super' && isModule(object))
    ) {
      this.export(property.name, right, statement);
    }
  }

  private members(node: Extract<Expression, { type: 'ObjectExpression' }>): void {
    for (const member of node.properties) {
      if (member.type === 'SpreadElement') continue;
      const { key } = member;
      const name = staticName(key, member.computed);
      if (name === undefined) continue;
      // A member has a place and comments as a statement has.
      const place = member as unknown as Statement;
      if (member.type === 'ObjectMethod') {
        if (member.kind === 'method') this.found.set(name, { node: member, at: place });
      } else this.export(name, member.value as Expression, place);
    }
  }

  add(statement: Statement): void {
    this.declare(statement, statement, false);
    this.commonJs(statement);
    if (statement.type === 'ExportNamedDeclaration' && statement.exportKind !== 'type') {
      if (statement.declaration) this.declare(statement.declaration, statement, true);
      for (const specifier of statement.specifiers) {
        if (specifier.type !== 'ExportSpecifier' || specifier.exportKind === 'type') continue;
        const { exported, local } = specifier;
        const name = exported.type === 'Identifier' ? exported.name : exported.value;
        if (statement.source) this.found.set(name, { node: 'opaque', at: statement });
        else this.byName.push([name, local.name, statement]);
      }
    } else if (statement.type === 'ExportNamedDeclaration' && statement.declaration) {
      this.declare(statement.declaration, statement, false);
    } else if (statement.type === 'ExportDefaultDeclaration') {
      const { declaration } = statement;
      if (declaration.type === 'FunctionDeclaration') {
        if (declaration.id) this.declare(declaration, statement, false);
        this.found.set('default', { node: declaration, at: statement });
      } else if (declaration.type !== 'ClassDeclaration' && declaration.type !== 'TSDeclareFunction') {
        this.export('default', declaration, statement);
      }
    }
  }

  /** All exported functions by name, in the order of the source. */
  all(): [string, Found][] {
    for (const [name, local, at] of this.byName) {
      const value = this.locals.get(local);
      if (value === undefined) continue;
      // A comment before `export { a, b }` is about none of them; one before `exports.a = b` is about `a`.
      const own = at.type !== 'ExportNamedDeclaration' || at.declaration ? docOf(at) : '';
      this.found.set(name, own === '' ? value : { node: value.node, at });
    }
    return [...this.found].sort(([, a], [, b]) => (a.at.start ?? 0) - (b.at.start ?? 0));
  }
}

/**
 * The functions that a file exports: declarations, arrow and function expressions, `export { a as b }`, the
 * default export (as `default`), and CommonJS `exports.a = …` and `module.exports = { a }`. Values made by a
 * call or taken from another file are listed with `opaque: true`; other values are not functions and are not
 * listed. `export * from` is not followed.
 *
 * @param filename - its ending says the language; it stands in messages.
 * @throws JobError `MODULE_LOAD_FAILED` with file and line when the source cannot be parsed.
 */
export async function readSignatures(source: string, filename: string): Promise<FunctionSignature[]> {
  const { program } = await parseSource(source, filename);
  const collected = new Exports();
  for (const statement of program.body) collected.add(statement);
  return collected.all().map(([name, { node, at }]) => {
    const doc = docOf(at);
    const first = doc.split('\n')[0] ?? '';
    return {
      name,
      params: node === 'opaque' ? OPAQUE : readParameters(node, source, collected.types),
      doc,
      docFirstLine: first.startsWith('@') ? '' : first,
      opaque: node === 'opaque',
    };
  });
}
