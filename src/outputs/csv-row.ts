/** Rows of CSV as RFC 4180 quotes them; text in and out may be Unicode or bytes as latin1. */

/** One cell. Quoted when a reader could take it for something else, also for what it trims. */
export function csvCell(text: string): string {
  return /[",\r\n]|^[ \t]|[ \t]$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A row with its line end. Many readers pass over empty lines, so an empty cell that stands alone is quoted. */
export function csvRow(cells: readonly string[]): string {
  return cells.length === 1 && cells[0] === '' ? '""\n' : `${cells.map(csvCell).join(',')}\n`;
}
