/**
 * The function that a loaded module exports by `name`, also where its exports are those of a CommonJS module, which
 * stand in `default`. Only own names count: `constructor` and `__proto__` find nothing. Undefined: there is none.
 */
export function exportedFunction(
  namespace: Readonly<Record<string, unknown>>,
  name: string,
): ((...args: unknown[]) => unknown) | undefined {
  for (const holder of [namespace, namespace['default']]) {
    if (holder === null || (typeof holder !== 'object' && typeof holder !== 'function')) continue;
    const found: unknown = Object.hasOwn(holder, name)
      ? (holder as Record<string, unknown>)[name]
      : undefined;
    if (typeof found === 'function') return found as (...args: unknown[]) => unknown;
  }
  return undefined;
}
