/** The parts of the API that a run needs. */
import type { FunctionsApi, JobsApi, ResultsApi } from './api/types.js';

export interface Compute {
  readonly functions: FunctionsApi;
  readonly jobs: JobsApi;
  readonly results: ResultsApi;
}
