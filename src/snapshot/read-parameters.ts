/** Reads the parameters of a function from its syntax tree. */
import type { DestructuredKey, Parameter } from './signature-types.js';

type File = ReturnType<typeof import('@babel/parser').parse>;
type Statement = File['program']['body'][number];
type Expression = Extract<Statement, { type: 'ExpressionStatement' }>['expression'];
type Members = Extract<Expression, { type: 'ObjectExpression' }>['properties'][number];

/** Any node with parameters. */
export type FunctionNode =
  | Extract<Expression, { type: 'ArrowFunctionExpression' | 'FunctionExpression' }>
  | Extract<Members, { type: 'ObjectMethod' }>
  | Extract<Statement, { type: 'FunctionDeclaration' }>;

type ParameterNode = FunctionNode['params'][number];
type Pattern = Extract<ParameterNode, { type: 'ObjectPattern' }>;
type Annotation = NonNullable<Extract<ParameterNode, { type: 'Identifier' }>['typeAnnotation']>;
type TypeNode = Extract<Annotation, { type: 'TSTypeAnnotation' }>['typeAnnotation'];

/** The types that a file declares: interfaces are objects, aliases are what they stand for. */
export type TypeTable = Map<string, TypeNode | 'object'>;

const OBJECT_NAMES = new Set(['kwargs', 'options', 'opts']);
const OBJECT_TYPES = new Set(['Record', 'Partial', 'Required', 'Readonly', 'Pick', 'Omit']);

/** True when a value of the type is an object of names. An imported type's name says nothing: false. */
function isObjectType(node: TypeNode, types: TypeTable, depth = 0): boolean {
  // An alias may name itself.
  if (depth > 20) return false;
  const inner = (type: TypeNode): boolean => isObjectType(type, types, depth + 1);
  switch (node.type) {
    case 'TSTypeLiteral':
    case 'TSMappedType':
    case 'TSObjectKeyword':
      return true;
    case 'TSParenthesizedType':
      return inner(node.typeAnnotation);
    case 'TSIntersectionType':
      return node.types.some(inner);
    case 'TSUnionType': {
      const some = node.types.filter(({ type }) => type !== 'TSUndefinedKeyword' && type !== 'TSNullKeyword');
      return some.length > 0 && some.every(inner);
    }
    case 'TSTypeReference': {
      if (node.typeName.type !== 'Identifier') return false;
      const { name } = node.typeName;
      const declared = types.get(name);
      if (declared !== undefined) return declared === 'object' || inner(declared);
      const [only] = node.typeParameters?.params ?? [];
      // Readonly<string[]> is no object of names.
      if (name === 'Readonly') return only !== undefined && inner(only);
      return OBJECT_TYPES.has(name);
    }
    default:
      return false;
  }
}

/** The name that a key in braces stands for, where the source alone tells: `a`, `'a'`, but not `[a]`. */
export function staticName(
  key: Exclude<Members, { type: 'SpreadElement' }>['key'],
  computed: boolean | undefined,
): string | undefined {
  if (key.type === 'Identifier') return computed === true ? undefined : key.name;
  return key.type === 'StringLiteral' ? key.value : undefined;
}

function keysOf(
  pattern: Pattern,
  text: (node: { start?: number | null; end?: number | null }) => string,
): DestructuredKey[] | undefined {
  const keys: DestructuredKey[] = [];
  for (const property of pattern.properties) {
    if (property.type === 'RestElement') return undefined;
    const { key, value } = property;
    const name = staticName(key, property.computed);
    // A computed name can be any.
    if (name === undefined) return undefined;
    keys.push(value.type === 'AssignmentPattern' ? { name, defaultText: text(value.right) } : { name });
  }
  return keys;
}

/** The parameters of `node`, without TypeScript's `this`. Texts are cut from `source`. */
export function readParameters(node: FunctionNode, source: string, types: TypeTable): Parameter[] {
  const text = (part: { start?: number | null; end?: number | null }): string =>
    source.slice(part.start ?? 0, part.end ?? 0).replace(/\s+/g, ' ');

  return node.params.flatMap((param): Parameter[] => {
    let target: ParameterNode = param;
    let defaultNode: Expression | undefined;
    if (target.type === 'AssignmentPattern') {
      defaultNode = target.right;
      target = target.left as ParameterNode;
    }
    if (target.type === 'RestElement') {
      const { argument, typeAnnotation } = target;
      const type =
        typeAnnotation?.type === 'TSTypeAnnotation' ? { typeText: text(typeAnnotation.typeAnnotation) } : {};
      return [
        {
          name: argument.type === 'Identifier' ? argument.name : 'words',
          kind: 'rest',
          optional: true,
          ...type,
        },
      ];
    }
    if (target.type !== 'Identifier' && target.type !== 'ObjectPattern' && target.type !== 'ArrayPattern')
      return [];
    if (target.type === 'Identifier' && target.name === 'this') return [];
    const annotation =
      target.typeAnnotation?.type === 'TSTypeAnnotation' ? target.typeAnnotation.typeAnnotation : undefined;
    const isObject =
      target.type === 'ObjectPattern' ||
      (target.type === 'Identifier' && OBJECT_NAMES.has(target.name)) ||
      (annotation !== undefined && isObjectType(annotation, types)) ||
      defaultNode?.type === 'ObjectExpression';
    const keys = target.type === 'ObjectPattern' ? keysOf(target, text) : undefined;
    return [
      {
        name: target.type === 'Identifier' ? target.name : isObject ? 'kwargs' : 'value',
        kind: isObject ? 'object' : 'plain',
        optional: defaultNode !== undefined || (target.type === 'Identifier' && target.optional === true),
        ...(defaultNode === undefined ? {} : { defaultText: text(defaultNode) }),
        ...(annotation === undefined ? {} : { typeText: text(annotation) }),
        ...(keys === undefined ? {} : { destructuredKeys: keys }),
      },
    ];
  });
}
