/** Keeps what must stay secret out of text that people and logs see. */

/** Shorter ones would black out ordinary words; no real secret is that short. */
const SHORTEST = 6;
const MARK = '[secret]';

/** The forms in which a text can come back: as it is, in an address, within JSON or HTML. */
function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  let encoded = secret;
  try {
    encoded = encodeURIComponent(secret);
  } catch {
    // Half a surrogate pair has no such form.
  }
  return [...new Set([secret, json, encoded, secret.replaceAll('&', '&amp;')])];
}

/** Knows the secrets of one client and takes them out of texts. */
export class Redactor {
  readonly #forms = new Set<string>();

  add(secret: string | null | undefined): void {
    if (typeof secret !== 'string' || secret.length < SHORTEST) return;
    for (const form of formsOf(secret)) this.#forms.add(form);
  }

  /** `text` without any secret of this client or of `more`. */
  clean(text: string, more: readonly string[] = []): string {
    const extra = more.filter((secret) => secret.length >= SHORTEST).flatMap(formsOf);
    // The longest first: a part of a secret can be another one.
    const forms = [...this.#forms, ...extra].sort((a, b) => b.length - a.length);
    let clean = text;
    for (const form of forms) clean = clean.replaceAll(form, MARK);
    // A presigned address that nobody knows of here yet gives itself away by what follows its question mark.
    return clean.replace(/(\bhttps?:[^\s?"'<>\\]*\?)[^\s"'<>\\]*/gi, `$1${MARK}`);
  }
}

/** What of a presigned address is secret: all of it, and each part that gives access. */
export function secretsOf(address: string): string[] {
  const secrets = [address];
  if (!URL.canParse(address)) return secrets;
  const url = new URL(address);
  secrets.push(url.href, url.search, url.search.slice(1));
  if (url.pathname.length > SHORTEST) secrets.push(url.pathname);
  for (const [, value] of url.searchParams) secrets.push(value);
  return secrets;
}
