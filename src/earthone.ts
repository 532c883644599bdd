/**
 * dl-jobs/earthone: the API of EarthOne Compute alone, without jobs and runs of dl-jobs.
 *
 * @packageDocumentation
 */
export { EarthOneClient } from './platforms/earthone/api/client.js';
export { where } from './platforms/earthone/api/filters.js';
export { ENDED } from './platforms/earthone/api/types.js';
export {
  ApiError,
  AnswerError,
  BadRequestError,
  ClientError,
  ConflictError,
  EarthOneError,
  ForbiddenError,
  GatewayTimeoutError,
  GoneError,
  MethodNotAllowedError,
  NoCredentialsError,
  NotFoundError,
  RateLimitError,
  ServerError,
  TransportError,
  UnauthorizedError,
  ValidationError,
} from './platforms/earthone/api/errors.js';
export { DlJobsError } from './base/errors.js';

export type {
  ComputeFunction,
  ComputeJob,
  CredentialsApi,
  EarthOneOptions,
  Filter,
  FunctionFields,
  FunctionsApi,
  FunctionStatus,
  JobBatch,
  JobsApi,
  JobStatistics,
  JobStatus,
  LogLine,
  NewJob,
  Query,
  RequestOptions,
  ResultsApi,
} from './platforms/earthone/api/types.js';
