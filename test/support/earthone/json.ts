/**
 * JSON as text in pieces. What a client sends as arguments goes to Python and back as it was written: numbers that a
 * double cannot hold stay what they were.
 */

/** Position after the value that begins at `at`. The text is known to be JSON. */
function skip(text: string, at: number): number {
  const first = text[at];
  if (first === '"') {
    let i = at + 1;
    while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
    return i + 1;
  }
  if (first === '{' || first === '[') {
    let depth = 0;
    let i = at;
    do {
      const c = text[i];
      if (c === '"') {
        i = skip(text, i);
        continue;
      }
      if (c === '{' || c === '[') depth++;
      else if (c === '}' || c === ']') depth--;
      i++;
    } while (depth > 0);
    return i;
  }
  let i = at;
  while (i < text.length && !/[\s,\]}]/.test(text[i]!)) i++;
  return i;
}

function space(text: string, at: number): number {
  let i = at;
  while (' \t\r\n'.includes(text[i] ?? 'x')) i++;
  return i;
}

/** Texts of the elements of a JSON array. */
export function elements(text: string): string[] {
  const found: string[] = [];
  let i = space(text, space(text, 0) + 1);
  while (text[i] !== ']') {
    const end = skip(text, i);
    found.push(text.slice(i, end));
    i = space(text, end);
    if (text[i] === ',') i = space(text, i + 1);
  }
  return found;
}

/** Key → text of its value, of a JSON object. */
export function members(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let i = space(text, space(text, 0) + 1);
  while (text[i] !== '}') {
    const end = skip(text, i);
    const key = JSON.parse(text.slice(i, end)) as string;
    i = space(text, space(text, end) + 1);
    const after = skip(text, i);
    found.set(key, text.slice(i, after));
    i = space(text, after);
    if (text[i] === ',') i = space(text, i + 1);
  }
  return found;
}
