/** Takes an object apart without parsing its values: numbers of any size stay as they are. Text is bytes as latin1. */
import { endOfValue } from '../contract/record-scan.js';
import { fromLatin1, toLatin1 } from './output-file.js';

/** The members of the JSON object `json`, each with the text of its value; of a repeated key the last. Null: no object. */
export function jsonMembers(json: string): Map<string, string> | null {
  let at = afterSpace(json, 0);
  if (json[at] !== '{') return null;
  const members = new Map<string, string>();
  at = afterSpace(json, at + 1);
  while (at < json.length && json[at] !== '}') {
    const keyEnd = endOfValue(json, at);
    const key = jsonText(json.slice(at, keyEnd));
    // Past the colon.
    at = afterSpace(json, afterSpace(json, keyEnd) + 1);
    const valueEnd = endOfValue(json, at);
    members.set(key, trimmed(json.slice(at, valueEnd)));
    at = afterSpace(json, valueEnd);
    if (json[at] === ',') at = afterSpace(json, at + 1);
  }
  return members;
}

/** What a scalar says, as it stands in a table: the text of a string, nothing for null. Others as JSON. */
export function plainText(json: string): string {
  if (json === 'null') return '';
  return json.startsWith('"') ? jsonText(json) : json;
}

/** The text of a JSON string. */
function jsonText(json: string): string {
  return json.includes('\\') ? toLatin1(JSON.parse(fromLatin1(json)) as string) : json.slice(1, -1);
}

function trimmed(json: string): string {
  let end = json.length;
  while (isSpace(json.charCodeAt(end - 1))) end--;
  return json.slice(0, end);
}

function afterSpace(json: string, from: number): number {
  let at = from;
  while (isSpace(json.charCodeAt(at))) at++;
  return at;
}

function isSpace(c: number): boolean {
  return c === 32 || c === 9 || c === 10 || c === 13;
}
