/** The credentials of this client, and those that the service keeps for the jobs. */
import { ClientError, NoCredentialsError } from './errors.js';
import type { Session } from './session.js';
import type { CredentialsApi, RequestOptions } from './types.js';

export class StoredCredentials implements CredentialsApi {
  readonly #session: Session;
  readonly #save: (pasted: string) => Promise<string>;

  constructor(session: Session, save: (pasted: string) => Promise<string>) {
    this.#session = session;
    this.#save = save;
  }

  async source(): Promise<string> {
    return (await this.#session.credentials()).source;
  }

  async save(pasted: string): Promise<string> {
    return await this.#save(pasted);
  }

  async store({ signal }: RequestOptions = {}): Promise<void> {
    const { clientId, refreshToken } = await this.#session.credentials();
    const path = '/credentials';
    if (clientId !== null && refreshToken !== null) {
      const body = { client_id: clientId, client_secret: refreshToken };
      await this.#session.bytes({ method: 'POST', path, body, signal });
      return;
    }
    try {
      await this.#session.bytes({ method: 'GET', path, signal });
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      throw new NoCredentialsError(
        `the service has no credentials that jobs can run under, and a token alone cannot be stored (${error.message})`,
        'Give a client id and a client secret, instead of or besides the token.',
      );
    }
  }
}
