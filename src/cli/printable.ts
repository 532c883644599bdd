/** Text of others as a terminal may get it: without control characters, which could move the cursor or change colours. */
export function printable(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '·');
}

/** The first line of `text`, cut to `max` characters. */
export function firstLine(text: string, max = 200): string {
  return cut(printable(text).split('\n', 1)[0] ?? '', max);
}

/** At most `max` characters, with a mark where something is left out. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  // Not between the halves of a character.
  return `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
