/** The lines of a text that comes in pieces, those that `isShown` lets through; a last line needs no newline. */
export function* textLines(pieces: Iterable<string>, isShown: (line: string) => boolean): Generator<string> {
  let held = '';
  for (const piece of pieces) {
    const lines = (held + piece).split('\n');
    held = lines.pop() ?? '';
    for (const line of lines) if (isShown(line)) yield line;
  }
  if (held !== '' && isShown(held)) yield held;
}
