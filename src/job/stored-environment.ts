/** The environment variables of a job that was recorded: their names are known, their values must come again. */
import { JobError } from '../base/errors.js';
import type { JobSpec } from '../contract/spec.js';
import { taskEnvironment } from './environment.js';

/**
 * The variables that tasks of the job get, all from `environment`. Throws ENV_MISSING, with a word on those whose
 * values the job had given itself.
 */
export function storedEnvironment(
  { env, envGiven }: JobSpec,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const lost = envGiven.filter((name) => environment[name] === undefined);
  if (lost.length > 0) {
    throw new JobError(
      'ENV_MISSING',
      `expected the environment variables that the job had given values of its own, got none called ${lost.join(', ')}`,
      {
        hint: `Such values are recorded nowhere. Set them where you start dl_jobs: \`export ${lost[0] ?? ''}=…\`.`,
      },
    );
  }
  return taskEnvironment(Object.fromEntries(env.map((name) => [name, null])), environment);
}
