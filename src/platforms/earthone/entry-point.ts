/** The module that the platform loads from a bundle: it makes `main` of our wrapper, python/dl_jobs/_earthone.py. */
import type { FailureType } from '../../contract/record.js';
import type { JobSpec } from '../../contract/spec.js';

export const ENTRY_POINT = '__dlentrypoint__.py';

/** What the wrapper is told of the job. No values of secret variables: a bundle is kept by the platform. */
export interface WrapperSettings {
  readonly module: string;
  /** Its file in the bundle. */
  readonly file: string;
  readonly method: string;
  readonly call: JobSpec['call'];
  readonly grouped: boolean;
  /** The platform's further tries of each job that fails. */
  readonly retries: number;
  /** Of other failures the platform does not learn, or it would try them again too. */
  readonly retryOn: readonly FailureType[];
  /** Sources of regular expressions: what they match is masked where a task failed. */
  readonly redact: readonly string[];
  /** Environment variables of the job: their values are masked likewise. */
  readonly secrets: readonly string[];
}

/** JSON within a Python literal: what JSON escapes, Python would read as it is, but for characters beyond 16 bits. */
function literal(value: WrapperSettings): string {
  const json = JSON.stringify(value).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `'${json.replace(/[\\']/g, '\\$&')}'`;
}

/** The source of the module. */
export function entryPoint(settings: WrapperSettings): string {
  return `import json
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__)) if '__file__' in globals() else None
if _here and sys.path[:1] != [_here]:
    sys.path.insert(0, _here)

from dl_jobs._earthone import entry

main = entry(json.loads(${literal(settings)}))
`;
}
