/** Requests and answers, apart from what they are about. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** An answer that says what was wrong with the request. */
export class ApiError extends Error {
  readonly status: number;
  readonly errors: Readonly<Record<string, readonly string[]>> | undefined;

  constructor(status: number, detail: string, errors?: Readonly<Record<string, readonly string[]>>) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export const json = (body: unknown, status = 200): Reply => jsonText(JSON.stringify(body), status);

export const jsonText = (body: string, status = 200): Reply => ({
  status,
  headers: { 'content-type': 'application/json' },
  body,
});

export const refusal = (error: ApiError): Reply =>
  json({ detail: error.message, ...(error.errors && { errors: error.errors }) }, error.status);

/** The body, or null where the connection ended before it was whole. */
export async function readBody(message: IncomingMessage, most: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      size += chunk.length;
      // What is too large is read to its end all the same: a client that still writes would not read the answer.
      if (size <= most) chunks.push(chunk);
    }
  } catch {
    return null;
  }
  if (!message.complete) return null;
  if (size > most) throw new ApiError(413, `Request body of ${size} bytes; ${most} are allowed`);
  return Buffer.concat(chunks);
}

/** JSON of the body as an object. */
export function bodyObject(body: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    throw new ApiError(422, 'Validation error', { body: ['Not JSON'] });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError(422, 'Validation error', { body: ['Must be an object'] });
  }
  return value as Record<string, unknown>;
}

export interface SendingFault {
  /** Ends the connection in the middle of the body. */
  readonly dropBody?: boolean;
  readonly slowBody?: boolean;
}

export async function send(response: ServerResponse, reply: Reply, fault: SendingFault = {}): Promise<void> {
  const body = Buffer.from(reply.body ?? '');
  const headers: Record<string, string> = { ...reply.headers };
  if (reply.status !== 204) headers['content-length'] = String(body.length);
  response.writeHead(reply.status, headers);
  if (fault.dropBody === true) {
    response.write(body.subarray(0, body.length >> 1));
    // What was written must leave before the end of the connection, or there would be no head either.
    response.flushHeaders();
    await sleep(20);
    response.destroy();
    return;
  }
  if (fault.slowBody === true) {
    const step = Math.max(1, Math.ceil(body.length / 10));
    for (let at = 0; at < body.length && !response.destroyed; at += step) {
      response.write(body.subarray(at, at + step));
      await sleep(15);
    }
    response.end();
    return;
  }
  response.end(body);
}
