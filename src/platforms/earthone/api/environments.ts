/** Which service is meant, and where it is: EarthOne, or Descartes Labs, whose Compute speaks the same. */
import { ConfigError, describeValue } from '../../../base/errors.js';
import type { EarthOneOptions } from './types.js';

export type Variables = Readonly<Record<string, string | undefined>>;

/** How the variables and files of a vendor are named. */
export interface Vendor {
  readonly name: string;
  /** Of its variables: `EARTHONE_` */
  readonly prefix: string;
  /** Of its folder in the home folder. */
  readonly folder: string;
}

export interface Environment {
  readonly vendor: Vendor;
  readonly name: string;
  readonly computeUrl: string;
  readonly iamUrl: string;
  readonly catalogUrl: string;
  /** The page that gives a login. */
  readonly loginPage: string;
}

interface Hosts extends Vendor {
  readonly domain: string;
  /** Name → part of the host names; null: only with addresses that are given. */
  readonly names: Readonly<Record<string, string | null>>;
}

const EARTHONE: Hosts = {
  name: 'EarthOne',
  prefix: 'EARTHONE_',
  folder: '.earthone',
  domain: 'earthone.earthdaily.com',
  names: {
    production: 'production',
    staging: 'staging',
    dev: 'dev',
    freemium: 'freemium',
    testing: 'dev',
    local: null,
  },
};
const DESCARTES_LABS: Hosts = {
  name: 'Descartes Labs',
  prefix: 'DESCARTESLABS_',
  folder: '.descarteslabs',
  domain: 'descarteslabs.com',
  names: {
    'aws-production': 'production.aws',
    'aws-staging': 'staging.aws',
    'aws-dev': 'dev.aws',
    'aws-freemium': 'freemium.aws',
    testing: 'dev.aws',
    local: null,
  },
};

/** These have no Compute of their own. */
const WITHOUT_COMPUTE = ['freemium', 'aws-freemium'];

/** A variable that is set and not empty, without the spaces and line ends that shells and files leave. */
export function variable(env: Variables, name: string): string | null {
  const value = Object.hasOwn(env, name) ? env[name]?.trim() : undefined;
  return value === undefined || value === '' ? null : value;
}

/** @throws ConfigError for a name that there is not, and for an address that is none. Reads no file. */
export function readEnvironment(options: EarthOneOptions): Environment {
  const env = options.env ?? {};
  const hosts = hostsOf(options.environment ?? null, env);
  const fallback = hosts === EARTHONE ? 'production' : 'aws-production';
  const name = options.environment ?? variable(env, `${hosts.prefix}ENV`) ?? fallback;
  if (!Object.hasOwn(hosts.names, name)) {
    throw new ConfigError('CONFIG_INVALID', `${hosts.name} has no environment ${describeValue(name)}`, {
      hint: `Use one of ${Object.keys(hosts.names).join(', ')}.`,
    });
  }
  const part = hosts.names[name] ?? null;
  const platform = part === null ? null : `https://platform.${part}.${hosts.domain}`;
  const address = (option: string, setting: string, given: string | undefined, usual: string | null) => {
    const variableName = `${hosts.prefix}${setting}`;
    const value = given ?? variable(env, variableName) ?? usual;
    if (value !== null) return checkAddress(value, given === undefined ? variableName : option);
    throw new ConfigError('CONFIG_INVALID', `the environment ${name} of ${hosts.name} has no ${option}`, {
      hint: `Set ${variableName}, or use another environment.`,
    });
  };
  return {
    vendor: hosts,
    name,
    computeUrl: address(
      'computeUrl',
      'COMPUTE_URL',
      options.computeUrl,
      platform === null || WITHOUT_COMPUTE.includes(name) ? null : `${platform}/compute/v1`,
    ),
    iamUrl: address(
      'iamUrl',
      'IAM_URL',
      options.iamUrl,
      part === null ? null : `https://iam.${part}.${hosts.domain}`,
    ),
    catalogUrl: address(
      'catalogUrl',
      'CATALOG_V2_URL',
      options.catalogUrl,
      platform === null ? null : `${platform}/metadata/v1/catalog/v2`,
    ),
    loginPage: `${variable(env, `${hosts.prefix}APP_URL`) ?? `https://app.${hosts.domain}`}/account/refresh-token`,
  };
}

/** EarthOne, unless a name or the variables mean Descartes Labs. */
function hostsOf(name: string | null, env: Variables): Hosts {
  const isSet = (hosts: Hosts, suffix: string): boolean => variable(env, `${hosts.prefix}${suffix}`) !== null;
  if (name !== null) {
    const holders = [EARTHONE, DESCARTES_LABS].filter((hosts) => Object.hasOwn(hosts.names, name));
    if (holders.length === 1) return holders[0]!;
  }
  if (isSet(EARTHONE, 'ENV')) return EARTHONE;
  if (isSet(DESCARTES_LABS, 'ENV')) return DESCARTES_LABS;
  const any = (hosts: Hosts): boolean =>
    Object.keys(env).some((key) => key.startsWith(hosts.prefix) && variable(env, key) !== null);
  return !any(EARTHONE) && any(DESCARTES_LABS) ? DESCARTES_LABS : EARTHONE;
}

/** The address without slashes at its end. It is not in the message: a password can be in it. */
function checkAddress(value: string, from: string): string {
  const url = URL.canParse(value) ? new URL(value) : null;
  const wrong =
    url === null || !/^https?:$/.test(url.protocol)
      ? 'expected an address that begins with https://'
      : url.username !== '' || url.password !== ''
        ? 'expected an address without user name and password'
        : url.search !== '' || url.hash !== ''
          ? 'expected an address without ? and #'
          : null;
  if (wrong === null) return value.replace(/\/+$/, '');
  throw new ConfigError('CONFIG_INVALID', `${from}: ${wrong}`, {
    hint: 'It is like https://platform.example.com/compute/v1.',
  });
}

/** True for an address to which secrets go in the open. */
export function isOpen(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && !/^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
