/** Names of Python modules. */

/** How Python imports a file below the project's root; null: it cannot, for its path is no list of names. */
export function pythonModule(file: string): string | null {
  const parts = file.replace(/(?:\/__init__)?\.py$/, '').split('/');
  return parts.every((part) => /^[\p{L}_][\p{L}\d_]*$/u.test(part)) ? parts.join('.') : null;
}
