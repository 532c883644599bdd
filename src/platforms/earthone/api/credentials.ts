/** Where credentials come from: arguments, then variables, then the file that a login leaves. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DataError } from '../../../base/errors.js';
import { isPlainObject } from '../../../base/plain-object.js';
import { NoCredentialsError } from './errors.js';
import { variable, type Environment, type Variables } from './environments.js';
import { readTokenFile, writeTokenFile, type TokenFile } from './token-file.js';
import type { EarthOneOptions } from './types.js';

export interface Credentials {
  readonly clientId: string | null;
  /** What other services call the client secret. */
  readonly refreshToken: string | null;
  /** As it was found; whether it still holds is not looked at. */
  readonly jwt: string | null;
  /** Words for the token request. */
  readonly scope: readonly string[] | null;
  /** Where they were found, in words. */
  readonly source: string;
  /** Where a new token is kept for the next process; null: nowhere. */
  readonly keep: ((jwt: string) => Promise<void>) | null;
}

interface Found {
  readonly clientId: string | null;
  readonly clientSecret: string | null;
  readonly refreshToken: string | null;
  readonly jwt: string | null;
}

/** Finds the credentials of one client. Nothing is read before `find`. */
export class CredentialsFinder {
  readonly #options: EarthOneOptions;
  readonly #env: Variables;
  readonly #environment: Environment;
  readonly #warn: (text: string) => void;

  constructor(options: EarthOneOptions, environment: Environment, warn: (text: string) => void) {
    this.#options = options;
    this.#env = options.env ?? {};
    this.#environment = environment;
    this.#warn = warn;
  }

  /** @throws NoCredentialsError where there is neither a token nor both an id and a secret. */
  async find(): Promise<Credentials> {
    const given = this.#given();
    const isGiven = Object.values(given).some((value) => value !== null);
    const credentials = isGiven ? await this.#withCache(given) : await this.#fromFile();
    const { clientId, refreshToken, jwt } = credentials;
    if (jwt === null && (clientId === null || refreshToken === null)) throw this.#missing(credentials);
    return credentials;
  }

  /** Stores what the login page shows; gives the path of the file. */
  async save(pasted: string): Promise<string> {
    const path = this.#filePath();
    if (path === null) {
      throw new DataError('VALUE_INVALID', 'there is no place for a credentials file', {
        hint: `Set HOME, or ${this.#name('TOKEN_INFO_PATH')} to the path of the file.`,
      });
    }
    await writeTokenFile(path, readLogin(pasted, this.#environment.loginPage));
    return path;
  }

  #name(suffix: string): string {
    return `${this.#environment.vendor.prefix}${suffix}`;
  }

  #given(): Found {
    const { clientId, clientSecret, refreshToken, jwtToken } = this.#options;
    const of = (value: string | undefined, ...names: string[]): string | null => {
      const argument = value?.trim() ?? '';
      if (argument !== '') return argument;
      for (const name of names) {
        const found = variable(this.#env, name);
        if (found !== null) return found;
      }
      return null;
    };
    return {
      clientId: of(clientId, this.#name('CLIENT_ID'), 'CLIENT_ID'),
      clientSecret: of(clientSecret, this.#name('CLIENT_SECRET'), 'CLIENT_SECRET'),
      refreshToken: of(refreshToken, this.#name('REFRESH_TOKEN')),
      jwt: of(jwtToken, this.#name('TOKEN')),
    };
  }

  async #withCache(given: Found): Promise<Credentials> {
    const { clientId } = given;
    const refreshToken = this.#refreshTokenOf(given);
    const base = { clientId, refreshToken, jwt: given.jwt, scope: null, keep: null };
    const source = 'arguments or variables';
    const path = this.#options.tokenPath;
    if (refreshToken === null || path === null) return { ...base, source };
    if (path !== undefined) {
      // The file of an explicit path is a cache too, as far as it belongs to the same login.
      const file = await this.#read(path, true);
      const isSame = file['client_id'] === clientId && file['refresh_token'] === refreshToken;
      return {
        ...base,
        jwt: given.jwt ?? (isSame ? jwtOf(file) : null),
        source: `${source}, with ${path}`,
        keep: this.#keeper(path, isSame ? file : { client_id: clientId, client_secret: refreshToken }, {
          refresh_token: refreshToken,
        }),
      };
    }
    const folder = this.#folder();
    if (folder === null) return { ...base, source };
    // Written by the official client too, under the same name.
    const hash = createHash('sha1').update(refreshToken).digest('hex');
    const cache = join(folder, `jwt_token_${hash}.json`);
    const jwt = given.jwt ?? jwtOf(await this.#read(cache, true));
    return { ...base, jwt, source, keep: this.#keeper(cache, {}, {}) };
  }

  async #fromFile(): Promise<Credentials> {
    const path = this.#filePath();
    const file = path === null ? {} : await this.#read(path, false);
    const clientSecret = textOf(file['client_secret']);
    const refreshToken = this.#refreshTokenOf({
      clientSecret,
      refreshToken: textOf(file['refresh_token']),
    });
    const { scope } = file;
    const words = Array.isArray(scope) ? scope.filter((word) => typeof word === 'string') : [];
    return {
      clientId: textOf(file['client_id']),
      refreshToken,
      jwt: jwtOf(file),
      scope: words.length === 0 ? null : words,
      source: path ?? 'no file',
      keep: path === null || refreshToken === null ? null : this.#keeper(path, file, {}),
    };
  }

  #refreshTokenOf({
    clientSecret,
    refreshToken,
  }: Pick<Found, 'clientSecret' | 'refreshToken'>): string | null {
    if (clientSecret !== null && refreshToken !== null && clientSecret !== refreshToken)
      this.#warn('the client secret and the refresh token differ; the refresh token is used');
    return refreshToken ?? clientSecret;
  }

  /** `{}` where files shall not be read, and where a mere cache is damaged. */
  async #read(path: string, isCache: boolean): Promise<TokenFile> {
    if (this.#isWithoutCache()) return {};
    if (!isCache) return await readTokenFile(path);
    return await readTokenFile(path).catch(() => ({}));
  }

  #keeper(path: string, before: TokenFile, more: TokenFile): Credentials['keep'] {
    if (this.#isWithoutCache()) return null;
    const { JWT_TOKEN: _, ...rest } = before;
    return async (jwt) => await writeTokenFile(path, { ...rest, ...more, jwt_token: jwt });
  }

  #isWithoutCache(): boolean {
    return variable(this.#env, this.#name('NO_JWT_CACHE'))?.toLowerCase() === 'true';
  }

  #folder(): string | null {
    const home = variable(this.#env, 'HOME') ?? variable(this.#env, 'USERPROFILE');
    return home === null ? null : join(home, this.#environment.vendor.folder);
  }

  #filePath(): string | null {
    const { tokenPath } = this.#options;
    if (tokenPath !== undefined) return tokenPath;
    const folder = this.#folder();
    return (
      variable(this.#env, this.#name('TOKEN_INFO_PATH')) ??
      (folder === null ? null : join(folder, 'token_info.json'))
    );
  }

  #missing({ clientId, refreshToken, source }: Credentials): NoCredentialsError {
    const { vendor, loginPage } = this.#environment;
    const path = this.#filePath();
    const what =
      clientId !== null
        ? `there is a client id, but no client secret (${source})`
        : refreshToken !== null
          ? `there is a client secret, but no client id (${source})`
          : this.#isWithoutCache() && path !== null
            ? `no credentials; ${this.#name('NO_JWT_CACHE')} is set, so ${path} is not read`
            : `no credentials${path === null ? '' : `, neither in variables nor in ${path}`}`;
    return new NoCredentialsError(
      `${vendor.name}: ${what}`,
      `Log in at ${loginPage}. Set ${this.#name('CLIENT_ID')} and ${this.#name('CLIENT_SECRET')}` +
        (path === null
          ? '.'
          : `, or put {"client_id": "...", "client_secret": "..."} into ${path}; the page shows both, as base64 of such JSON.`),
    );
  }
}

/** The text that the login page gives: JSON with the id and the secret, as base64url. */
function readLogin(pasted: string, loginPage: string): TokenFile {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(pasted.trim(), 'base64url').toString('utf8'));
  } catch {
    // What was pasted is a secret: it is in no message.
  }
  const file = isPlainObject(value) ? value : {};
  const [id, secret] = [textOf(file['client_id']), textOf(file['client_secret'])];
  if (id === null || secret === null) {
    throw new DataError('VALUE_INVALID', 'expected the text that the login page shows, and got another', {
      hint: `Copy all of what ${loginPage} shows.`,
    });
  }
  return { ...file, refresh_token: textOf(file['refresh_token']) ?? secret };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}

function jwtOf(file: TokenFile): string | null {
  return textOf(file['JWT_TOKEN']) ?? textOf(file['jwt_token']);
}
