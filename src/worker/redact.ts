/** What is masked in what tasks write. */

/** Shorter values are words that stand everywhere: masking each `1` would hide more than a secret. */
const SHORTEST_SECRET = 4;

/** What is masked in output and error records: the patterns of `redact`, and the values of the job's variables. */
export function redactPatterns(redact: readonly string[], env: Readonly<Record<string, string>>): string[] {
  const values = Object.values(env)
    // Output comes in lines.
    .flatMap((value) => value.split(/\r?\n/))
    .filter((line) => line.trim().length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length)
    .map((line) => line.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&'));
  return [...new Set([...values, ...redact])];
}
