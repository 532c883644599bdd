/** Reads what the server says about a request that it does not do. */
import { isUtf8 } from 'node:buffer';
import { isPlainObject } from '../../../base/plain-object.js';
import type { Refusal } from './errors.js';
import type { Redactor } from './redact.js';

/** A page of a proxy can be long; what it says stands at its beginning. */
const MOST_READ = 64 * 1024;
/** More than any secret has: as much is left out where a body was cut, for half a secret would not be recognised. */
const CUT_EDGE = 8 * 1024;
const MOST_SHOWN = 2000;
const MOST_FIELDS = 50;

export interface RefusedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** `extra`: secrets of this request alone. */
export function readRefusal(
  request: { readonly method: string; readonly path: string },
  answer: RefusedAnswer,
  redactor: Redactor,
  extra: readonly string[] = [],
): Refusal {
  const clean = (text: string): string => {
    const tidy = redactor
      .clean(text, extra)
      .replace(/[\p{Cc}\s]+/gu, ' ')
      .trim();
    return tidy.length > MOST_SHOWN ? `${tidy.slice(0, MOST_SHOWN)}...` : tidy;
  };
  const { detail, fields } = wordsOf(answer, (text) => redactor.clean(text, extra));
  return {
    status: answer.status,
    ...request,
    detail: clean(detail),
    fields: Object.fromEntries(
      Object.entries(fields)
        .slice(0, MOST_FIELDS)
        .map(([name, texts]) => [clean(name), texts.slice(0, MOST_FIELDS).map(clean)]),
    ),
    retryAfter: understood(answer.headers.get('retry-after')),
  };
}

interface Words {
  readonly detail: string;
  readonly fields: Readonly<Record<string, readonly string[]>>;
}

function wordsOf({ body, headers }: RefusedAnswer, clean: (text: string) => string): Words {
  if (body.length === 0) return { detail: '', fields: {} };
  const whole = body.length <= MOST_READ;
  const bytes = Buffer.from(body.buffer, body.byteOffset, whole ? body.length : MOST_READ);
  // Before anything is cut: a part of a secret would pass.
  const text = clean(bytes.toString('utf8', 0, whole ? bytes.length : bytes.length - CUT_EDGE));
  if (whole) {
    try {
      return ofJson(JSON.parse(text), text);
    } catch {
      // Not JSON: shown as text.
    }
  }
  if (/html/i.test(headers.get('content-type') ?? '') || /^\s*<(!doctype|html)/i.test(text))
    return { detail: ofHtml(text), fields: {} };
  const isText = isUtf8(bytes) || !whole;
  return { detail: isText ? text : `${body.length} bytes that are no text`, fields: {} };
}

/** `{"detail", "errors"}`, the lists of FastAPI and of JSON:API, and whatever else as it is. */
function ofJson(value: unknown, text: string): Words {
  if (typeof value === 'string') return { detail: value, fields: {} };
  if (!isPlainObject(value)) return { detail: text, fields: {} };
  const { detail, errors, message } = value;
  const fields = isPlainObject(errors) ? fieldsOf(errors) : {};
  if (typeof detail === 'string') return { detail, fields };
  const list = Array.isArray(detail) ? detail : Array.isArray(errors) ? errors : null;
  if (list !== null) return { detail: list.map(ofItem).join('; '), fields };
  if (Object.keys(fields).length > 0) return { detail: '', fields };
  return { detail: typeof message === 'string' ? message : text, fields };
}

function fieldsOf(errors: Record<string, unknown>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(errors).map(([name, texts]) => [
      name,
      (Array.isArray(texts) ? (texts as unknown[]) : [texts]).map((item) =>
        typeof item === 'string' ? item : JSON.stringify(item),
      ),
    ]),
  );
}

function ofItem(item: unknown): string {
  if (!isPlainObject(item)) return typeof item === 'string' ? item : JSON.stringify(item);
  const said = [item['title'], item['detail'], item['msg']].filter((part) => typeof part === 'string');
  if (said.length === 0) return JSON.stringify(item);
  const { loc } = item;
  return `${Array.isArray(loc) ? `${loc.join('.')}: ` : ''}${said.join(': ')}`;
}

/** The words of a page: its title and the beginning of its text. */
function ofHtml(html: string): string {
  const text = html
    .replace(/<(script|style)\b[^]*?<\/\1>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return `a page of HTML: ${text.slice(0, 300)}`;
}

/** A header that is neither seconds nor a date is as good as none. */
function understood(retryAfter: string | null): string | null {
  const is = retryAfter !== null && (/^\s*\d+(\.\d+)?\s*$/.test(retryAfter) || isDate(retryAfter));
  return is ? retryAfter : null;
}

function isDate(text: string): boolean {
  // Date.parse alone takes a good deal of what is none.
  return /^[A-Za-z]{3,9}, [\w: -]{8,40}$/.test(text) && !Number.isNaN(Date.parse(text));
}
