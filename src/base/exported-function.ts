/** What a module offers: its exports, and where they are those of a CommonJS module also what stands in `default`. */
function holders(namespace: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>[] {
  return [namespace, namespace['default']].filter(
    (holder): holder is Record<string, unknown> =>
      (typeof holder === 'object' || typeof holder === 'function') && holder !== null,
  );
}

/**
 * The function that a loaded module exports by `name`. Only own names count: `constructor` and `__proto__` find
 * nothing. Undefined: there is none.
 */
export function exportedFunction(
  namespace: Readonly<Record<string, unknown>>,
  name: string,
): ((...args: unknown[]) => unknown) | undefined {
  for (const holder of holders(namespace)) {
    const found: unknown = Object.hasOwn(holder, name) ? holder[name] : undefined;
    if (typeof found === 'function') return found as (...args: unknown[]) => unknown;
  }
  return undefined;
}

/** The names by which a loaded module exports functions. */
export function exportedFunctionNames(namespace: Readonly<Record<string, unknown>>): string[] {
  const entries = holders(namespace).flatMap((holder) => Object.entries(holder));
  return [...new Set(entries.filter(([, value]) => typeof value === 'function').map(([name]) => name))];
}
