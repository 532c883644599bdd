/** Where EarthOne is for a job: the setting `earthone`, under it the variables that its own client reads. */
import { ConfigError } from '../../base/errors.js';
import { nearest } from '../../config/nearest.js';
import type { JobSpec } from '../../contract/spec.js';
import type { EarthOneOptions } from './api/types.js';

/** Members of the setting, and what they are for the client. */
const OPTIONS = {
  env: 'environment',
  compute_url: 'computeUrl',
  iam_url: 'iamUrl',
  catalog_url: 'catalogUrl',
  token_path: 'tokenPath',
} as const satisfies Record<string, keyof EarthOneOptions>;

/** Throws CONFIG_INVALID for a member of the setting that it does not have. */
export function clientOptions(
  { earthone = {} }: Pick<JobSpec, 'earthone'>,
  env: Readonly<Record<string, string | undefined>>,
): EarthOneOptions {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(earthone)) {
    if (value === false || value === '') continue;
    if (!Object.hasOwn(OPTIONS, name)) {
      const near = nearest(name, Object.keys(OPTIONS));
      throw new ConfigError(
        'CONFIG_INVALID',
        `earthone: expected one of ${Object.keys(OPTIONS).join(', ')}, got \`${name}\``,
        {
          hint:
            near === undefined
              ? 'Secrets do not go there: see docs/earthone.md for the variables that hold them.'
              : `Did you mean \`${near}\`?`,
        },
      );
    }
    if (typeof value !== 'string') {
      throw new ConfigError(
        'CONFIG_INVALID',
        `earthone: expected ${name} to be a text, got ${String(value)}`,
        {
          hint: 'For instance `earthone: {env: staging}`.',
        },
      );
    }
    given[OPTIONS[name as keyof typeof OPTIONS]] = value;
  }
  return { env, ...given };
}
