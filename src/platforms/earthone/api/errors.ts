/**
 * What can go wrong with the API. No error here has a `cause`: what HTTP libraries and `JSON.parse` throw quotes
 * addresses and bodies, and with them secrets. What they say is in the message, without those.
 */
import { DlJobsError, type ErrorCode } from '../../../base/errors.js';

/** Anything that this client throws, but for wrong arguments. */
export class EarthOneError extends DlJobsError {}

/** There are no credentials, or none that are whole. */
export class NoCredentialsError extends EarthOneError {
  constructor(message: string, hint: string) {
    super('EARTHONE_CREDENTIALS', message, { hint });
  }
}

/** The server could not be reached, did not answer in time, or the answer broke off. */
export class TransportError extends EarthOneError {
  /** False: the server has certainly not got the request. */
  readonly mayHaveArrived: boolean;
  /** True: another try would end the same way. */
  readonly final: boolean;

  constructor(message: string, at: { readonly mayHaveArrived: boolean; readonly final?: boolean }) {
    super('EARTHONE_UNREACHABLE', message, { hint: 'Check the network, and that the service is up.' });
    this.mayHaveArrived = at.mayHaveArrived;
    this.final = at.final ?? false;
  }
}

/** The server's answer is not what this API gives. */
export class AnswerError extends EarthOneError {
  constructor(message: string) {
    super('EARTHONE_ANSWER', message, {
      hint: 'Check the addresses, if you set any, and that no proxy answers in place of the server.',
    });
  }
}

/** What an answer with a status of 400 and above says. Free of secrets. */
export interface Refusal {
  readonly status: number;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The server's own words; empty when it has none. */
  readonly detail: string;
  /** By field, for what was sent. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** `Retry-After` as it came. */
  readonly retryAfter: string | null;
}

/** The server answered with a status of 400 and above. */
export class ApiError extends EarthOneError {
  readonly status: number;
  readonly method: string;
  readonly path: string;
  readonly detail: string;
  readonly fields: Readonly<Record<string, readonly string[]>>;
  readonly retryAfter: string | null;

  constructor(refusal: Refusal, code: ErrorCode, hint?: string) {
    super(code, messageOf(refusal), hint === undefined ? {} : { hint });
    this.status = refusal.status;
    this.method = refusal.method;
    this.path = refusal.path;
    this.detail = refusal.detail;
    this.fields = refusal.fields;
    this.retryAfter = refusal.retryAfter;
  }
}

/** 400 to 499 */
export class ClientError extends ApiError {}
/** 400 */
export class BadRequestError extends ClientError {}
/** 422: `fields` says what is wrong with which. */
export class ValidationError extends BadRequestError {}
/** 401 */
export class UnauthorizedError extends ClientError {}
/** 403 */
export class ForbiddenError extends ClientError {}
/** 404 */
export class NotFoundError extends ClientError {}
/** 405 */
export class MethodNotAllowedError extends ClientError {}
/** 409 */
export class ConflictError extends ClientError {}
/** 410 */
export class GoneError extends ClientError {}
/** 429: `retryAfter` is the header as it came. */
export class RateLimitError extends ClientError {}
/** 500 and above */
export class ServerError extends ApiError {}
/** 504 */
export class GatewayTimeoutError extends ServerError {}

type ErrorClass = new (refusal: Refusal, code: ErrorCode, hint?: string) => ApiError;

const CLASSES: Readonly<Record<number, ErrorClass>> = {
  400: BadRequestError,
  401: UnauthorizedError,
  403: ForbiddenError,
  404: NotFoundError,
  405: MethodNotAllowedError,
  409: ConflictError,
  410: GoneError,
  422: ValidationError,
  429: RateLimitError,
  504: GatewayTimeoutError,
};

const LOG_IN = 'The credentials are wrong, withdrawn or out of date: log in again.';
const HINTS: Readonly<Record<number, string>> = {
  401: LOG_IN,
  403: 'Your account may not do this. Check that it is the right one, and that it may use Compute.',
  404: 'It may have been deleted, or belong to somebody else.',
  429: 'The server wants fewer requests. Wait a while.',
};

/** The error of the class that belongs to the status. */
export function errorOf(refusal: Refusal): ApiError {
  const { status } = refusal;
  const Class = CLASSES[status] ?? (status >= 500 ? ServerError : ClientError);
  const code: ErrorCode =
    status === 401
      ? 'EARTHONE_CREDENTIALS'
      : status >= 500 || status === 429
        ? 'EARTHONE_UNREACHABLE'
        : 'EARTHONE_REJECTED';
  const hint = status >= 500 ? 'The service itself has failed. Try again later.' : HINTS[status];
  return new Class(refusal, code, hint);
}

/** The same for the request of a token, where any refusal means that the credentials are not good. */
export function tokenErrorOf(refusal: Refusal): ApiError {
  const { status } = refusal;
  if (status >= 500 || status === 429) return errorOf(refusal);
  return new (CLASSES[status] ?? ClientError)(refusal, 'EARTHONE_CREDENTIALS', LOG_IN);
}

function messageOf({ status, method, path, detail, fields }: Refusal): string {
  const parts = Object.entries(fields).map(([field, texts]) => `${field}: ${texts.join('; ')}`);
  const said = [detail, ...parts].filter((text) => text !== '').join('; ');
  return `${method} ${path}: ${status}${said === '' ? '' : `: ${said}`}`;
}
