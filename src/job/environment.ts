/** Environment variables of a job: their values come from here and go to the hosts, and nowhere else. */
import { JobError } from '../base/errors.js';
import type { Variables } from '../config/settings.js';

/**
 * The variables that tasks get. `null` means the value that `environment` has.
 *
 * Throws ENV_MISSING when it has none.
 */
export function taskEnvironment(
  wanted: Variables,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const values: Record<string, string> = {};
  const missing: string[] = [];
  for (const [name, given] of Object.entries(wanted)) {
    const value = given ?? environment[name];
    if (value === undefined) missing.push(name);
    else values[name] = value;
  }
  if (missing.length > 0) {
    throw new JobError(
      'ENV_MISSING',
      `expected the environment variables that \`env\` names, got none called ${missing.join(', ')}`,
      { hint: `Set it where you start dl_jobs: \`export ${missing[0] ?? ''}=…\`.` },
    );
  }
  return values;
}
