/** Texts as words of bash, and paths as patterns of sbatch. */

const CONTROL = /[\0-\x1f\x7f]/;
const CONTROLS = /[\0-\x1f\x7f'\\]/g;

/**
 * `text` as one word of bash. Line ends are spelled: a script with those of DOS in it is refused, wherever they stand.
 */
export function bashWord(text: string): string {
  if (!CONTROL.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  const spelled = text.replace(
    CONTROLS,
    (char) =>
      `\\${char === "'" || char === '\\' ? char : `x${char.charCodeAt(0).toString(16).padStart(2, '0')}`}`,
  );
  return `$'${spelled}'`;
}

/** A pattern that stands for `folder/name`, where `name` may have sbatch's replacement symbols. */
export function outputPattern(folder: string, name: string, plainName: string): string {
  // One backslash anywhere switches all symbols off. It then must be doubled, and the others stand for themselves.
  if (folder.includes('\\')) return `${folder.replaceAll('\\', '\\\\')}/${plainName}`;
  return `${folder.replaceAll('%', '%%')}/${name}`;
}
