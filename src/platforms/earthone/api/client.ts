/** The API of EarthOne Compute as one object. */
import { DataError } from '../../../base/errors.js';
import { CredentialsFinder } from './credentials.js';
import { isOpen, readEnvironment } from './environments.js';
import { Functions } from './functions.js';
import { Jobs } from './jobs.js';
import { Redactor } from './redact.js';
import { Results, type Namespaces } from './results.js';
import { readPolicy } from './retry.js';
import { Session } from './session.js';
import { StoredCredentials } from './stored-credentials.js';
import type { CredentialsApi, EarthOneOptions, FunctionsApi, JobsApi, ResultsApi } from './types.js';

/**
 * A client of the API. It reads no file and sends nothing before something is asked of it, and can be used by any number
 * of callers at once.
 *
 * @throws ConfigError from the constructor for an environment that there is not, or an address that is none
 */
export class EarthOneClient {
  readonly functions: FunctionsApi;
  readonly jobs: JobsApi;
  readonly results: ResultsApi;
  readonly credentials: CredentialsApi;
  /** The page that gives a login. */
  readonly loginPage: string;

  constructor(options: EarthOneOptions = {}) {
    const environment = readEnvironment(options);
    const warn = options.onWarning ?? (() => undefined);
    for (const url of [environment.iamUrl, environment.computeUrl, environment.catalogUrl]) {
      if (isOpen(url)) warn(`secrets go to ${new URL(url).host} unencrypted: its address begins with http:`);
    }
    const finder = new CredentialsFinder(options, environment, warn);
    const session = new Session({
      environment,
      redactor: new Redactor(),
      policy: readPolicy(options),
      limits: {
        connect: time(options.timeouts?.connect, 40_000, 'connect'),
        idle: time(options.timeouts?.idle, 30_000, 'idle'),
      },
      userAgent: headerText(options.userAgent ?? 'dl-jobs'),
      findCredentials: async () => await finder.find(),
      warn,
    });
    const namespaces: Namespaces = new Map();
    this.loginPage = environment.loginPage;
    this.credentials = new StoredCredentials(session, async (pasted) => await finder.save(pasted));
    this.functions = new Functions(session, this.credentials, namespaces);
    this.jobs = new Jobs(session);
    this.results = new Results(session, this.functions, namespaces);
  }
}

function time(value: number | undefined, usual: number, name: string): number {
  const ms = value ?? usual;
  if (Number.isFinite(ms) && ms > 0) return ms;
  throw new DataError('VALUE_INVALID', `timeouts.${name}: expected milliseconds, got ${ms}`, {
    hint: 'Give a number above 0, or leave it out.',
  });
}

function headerText(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  throw new DataError('VALUE_INVALID', 'userAgent: expected printable ASCII characters', {
    hint: 'It is like my-program/1.0.',
  });
}
