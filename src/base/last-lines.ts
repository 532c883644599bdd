/** `text`, cut from a longer one at any place, from its first whole line on; one line alone is left as it is. */
export function fromWholeLine(text: string): string {
  const newline = text.indexOf('\n');
  return newline >= 0 && newline < text.length - 1 ? text.slice(newline + 1) : text;
}
