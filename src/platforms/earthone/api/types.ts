/**
 * What the API of EarthOne Compute takes and gives, as people see it: names in camel case, dates as `Date`, absent
 * fields as null. The wire's own names are in `wire.ts`.
 */

/** Statuses of a function. `build_failed` is final. */
export type FunctionStatus = 'awaiting_bundle' | 'building' | 'ready' | 'stopped' | 'build_failed';

/** Statuses of a job. */
export type JobStatus =
  'pending' | 'running' | 'cancel' | 'canceling' | 'success' | 'failure' | 'timeout' | 'canceled';

/** A job in one of them has ended. */
export const ENDED: readonly JobStatus[] = ['success', 'failure', 'timeout', 'canceled'];

/** What a function is made with. */
export interface FunctionFields {
  readonly name: string;
  /** `python3.11:latest` and the like; cannot be changed. */
  readonly image: string;
  readonly cpus: number;
  /** MB. */
  readonly memory: number;
  readonly maximumConcurrency?: number;
  /** Seconds that a job may take. */
  readonly timeout?: number;
  /** Retries of each job, by the server. */
  readonly retryCount?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly autoStart?: boolean;
  readonly enabled?: boolean;
}

/** A status the API may get later is passed on as it is. */
export interface ComputeFunction {
  readonly id: string;
  readonly name: string | null;
  readonly image: string | null;
  readonly cpus: number | null;
  readonly memory: number | null;
  readonly maximumConcurrency: number | null;
  readonly timeout: number | null;
  readonly retryCount: number | null;
  readonly enabled: boolean | null;
  readonly autoStart: boolean | null;
  readonly environment: Readonly<Record<string, string>> | null;
  readonly status: FunctionStatus;
  readonly namespace: string | null;
  readonly owner: string | null;
  readonly creationDate: Date | null;
  readonly modifiedDate: Date | null;
  /** Jobs by status; only where it was asked for. */
  readonly jobStatistics: Readonly<Record<string, number>> | null;
}

export interface JobStatistics {
  /** CPU time, nanoseconds. */
  readonly cpuTime: number | null;
  /** Bytes. */
  readonly peakMemory: number | null;
  /** As it came. */
  readonly raw: unknown;
}

export interface ComputeJob {
  readonly id: string;
  readonly functionId: string | null;
  readonly args: readonly unknown[] | null;
  readonly kwargs: Readonly<Record<string, unknown>> | null;
  readonly environment: Readonly<Record<string, string>> | null;
  readonly tags: readonly string[];
  readonly status: JobStatus;
  readonly creationDate: Date | null;
  readonly lastExecutionDate: Date | null;
  readonly lastCompletionDate: Date | null;
  /** Seconds. */
  readonly runtime: number | null;
  readonly executionCount: number | null;
  readonly exitCode: number | null;
  readonly errorReason: string | null;
  readonly statistics: JobStatistics | null;
  readonly provisioningTime: number | null;
  readonly pullTime: number | null;
}

/** One comparison, or several joined. */
export type Filter =
  | {
      readonly name: string;
      readonly op: 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte' | 'prefix';
      readonly val: unknown;
    }
  | { readonly or: readonly Filter[] }
  | { readonly and: readonly Filter[] };

export interface Query {
  /** All of them must hold. */
  readonly filter?: readonly Filter[];
  /** `-creation_date` is descending. */
  readonly sort?: readonly string[];
  readonly limit?: number;
  readonly pageSize?: number;
  readonly include?: readonly string[];
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
}

export interface NewJob {
  readonly functionId: string;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly tags?: readonly string[];
}

/** Up to 1,000 jobs of one request. */
export interface JobBatch {
  readonly functionId: string;
  /** The JSON text of the list of argument lists: `[[1,2],[3,4]]`. */
  readonly bulkArgs: Buffer;
  /** The server makes no job twice for the same id. */
  readonly referenceId: string;
  readonly tags?: readonly string[];
}

export interface LogLine {
  readonly date: Date | null;
  readonly log: string;
}

/** The credentials in use, and those that the service keeps for the jobs. */
export interface CredentialsApi {
  /** Where they were found, in words. Throws NoCredentialsError. */
  source(): Promise<string>;
  /** Writes the file of credentials from the text that the login page shows; gives its path. */
  save(pasted: string): Promise<string>;
  /** Stores those that jobs run under; with a token alone, looks whether some are stored. */
  store(options?: RequestOptions): Promise<void>;
}

/** Everything about functions. */
export interface FunctionsApi {
  /** POST /functions; stores the credentials that jobs run under first. Not repeated after it may have arrived. */
  create(
    fields: FunctionFields,
    options?: RequestOptions,
  ): Promise<{ readonly function: ComputeFunction; readonly uploadUrl: string }>;
  /** PUT to the presigned URL. */
  upload(uploadUrl: string, bundle: Uint8Array, options?: RequestOptions): Promise<void>;
  /** POST /functions/{id}/bundle */
  complete(id: string, options?: RequestOptions): Promise<ComputeFunction>;
  get(
    id: string,
    options?: RequestOptions & { readonly include?: readonly string[] },
  ): Promise<ComputeFunction>;
  search(query?: Query, options?: RequestOptions): AsyncIterable<ComputeFunction>;
  count(filter?: readonly Filter[], options?: RequestOptions): Promise<number>;
  update(
    id: string,
    changes: Partial<Omit<FunctionFields, 'image'>>,
    options?: RequestOptions,
  ): Promise<ComputeFunction>;
  start(id: string, options?: RequestOptions): Promise<ComputeFunction>;
  stop(id: string, options?: RequestOptions): Promise<ComputeFunction>;
  enable(id: string, enabled: boolean, options?: RequestOptions): Promise<ComputeFunction>;
  /** Its jobs must be gone: see `jobs.deleteWhere`. */
  delete(id: string, options?: RequestOptions): Promise<void>;
  buildLog(id: string, options?: RequestOptions): Promise<string>;
}

/** Everything about jobs. */
export interface JobsApi {
  /** POST /jobs. Not repeated after it may have arrived: it has no id that would tell the repeat. */
  create(job: NewJob, options?: RequestOptions): Promise<ComputeJob>;
  /** POST /jobs/bulk, repeated where that helps. The jobs are in the order of the arguments as the server gives them. */
  createBatch(batch: JobBatch, options?: RequestOptions): Promise<ComputeJob[]>;
  /**
   * Batches of any number of jobs, one after the other; arguments are never all in memory. The first batch that fails
   * ends it; those before have been given already.
   */
  createMany(
    jobs: Iterable<Omit<NewJob, 'functionId' | 'tags'>> | AsyncIterable<Omit<NewJob, 'functionId' | 'tags'>>,
    common: { readonly functionId: string; readonly tags?: readonly string[]; readonly batchSize?: number },
    options?: RequestOptions,
  ): AsyncIterable<ComputeJob[]>;
  get(id: string, options?: RequestOptions & { readonly include?: readonly string[] }): Promise<ComputeJob>;
  search(query?: Query, options?: RequestOptions): AsyncIterable<ComputeJob>;
  /** The same page by page. */
  pages(query?: Query, options?: RequestOptions): AsyncIterable<ComputeJob[]>;
  count(filter?: readonly Filter[], options?: RequestOptions): Promise<number>;
  update(
    id: string,
    changes: {
      args?: readonly unknown[];
      kwargs?: Readonly<Record<string, unknown>>;
      environment?: Readonly<Record<string, string>>;
      tags?: readonly string[];
    },
    options?: RequestOptions,
  ): Promise<ComputeJob>;
  cancel(id: string, options?: RequestOptions): Promise<ComputeJob>;
  /**
   * An empty filter is refused: it would mean all jobs there are. Of this one and the two below: where an answer was
   * lost, the request is sent again, and the second answer may lack jobs that the first one did.
   */
  cancelWhere(
    query: { readonly filter: readonly Filter[]; readonly limit?: number },
    options?: RequestOptions,
  ): Promise<ComputeJob[]>;
  rerunWhere(
    query: { readonly filter: readonly Filter[]; readonly limit?: number },
    options?: RequestOptions,
  ): Promise<ComputeJob[]>;
  /** Gives the ids of those that were deleted. */
  deleteWhere(
    query: { readonly filter: readonly Filter[]; readonly limit?: number; readonly deleteResults?: boolean },
    options?: RequestOptions,
  ): Promise<string[]>;
  delete(id: string, options?: RequestOptions & { readonly deleteResults?: boolean }): Promise<void>;
  log(id: string, options?: RequestOptions): AsyncIterable<LogLine>;
}

export interface ResultsApi {
  /** Null: the job returned nothing. `namespace` is the function's; asked for where it is not given. */
  bytes(
    of: { readonly functionId: string; readonly jobId: string; readonly namespace?: string },
    options?: RequestOptions,
  ): Promise<Buffer | null>;
  /** JSON where it is JSON, else bytes. */
  get(
    of: { readonly functionId: string; readonly jobId: string; readonly namespace?: string },
    options?: RequestOptions,
  ): Promise<unknown>;
}

export interface EarthOneOptions {
  /** Where variables are read: `EARTHONE_*`, `DESCARTESLABS_*`, `CLIENT_ID`, `CLIENT_SECRET`, `HOME`. @default none */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `production`, `staging`, `dev`, … of EarthOne; `aws-production`, … of Descartes Labs. @default what `env` says, else `production` */
  readonly environment?: string;
  readonly computeUrl?: string;
  readonly iamUrl?: string;
  readonly catalogUrl?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly refreshToken?: string;
  readonly jwtToken?: string;
  /** Of the credentials file; null: never one. */
  readonly tokenPath?: string | null;
  /** @default `dl-jobs` */
  readonly userAgent?: string;
  /**
   * Milliseconds: until the head of an answer is there, connecting included (longer for a large body), and between
   * bytes. Node.js itself gives up connecting after 10 s. @default 40,000 and 30,000
   */
  readonly timeouts?: { readonly connect?: number; readonly idle?: number };
  /** @default 5 tries, 500 ms before the second, at most 60,000 before any */
  readonly retries?: { readonly tries?: number; readonly least?: number; readonly most?: number };
  readonly onWarning?: (text: string) => void;
}
