/**
 * The node host: the child process in which the user's JavaScript runs. An entry point of its own.
 *
 * It talks as `contract/wire.ts` says. It reads in its event loop, so that the user's timers and sockets live while it
 * waits, and writes synchronously, so that a record has left before the next task can crash.
 * Its stdout and stderr are its log file.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import {
  HOST_IN,
  HOST_OUT,
  type BatchMessage,
  type FatalMessage,
  type InitMessage,
  type ReadyMessage,
} from '../contract/wire.js';
import { exportedFunction, exportedFunctionNames } from '../base/exported-function.js';
import { cleanStack } from './clean-stack.js';
import { watchOutput } from './host-output.js';
import { maskStrings, textMask } from './mask-errors.js';
import { errorInfo } from './task-outcome.js';
import { TaskRunner, type TaskFunction } from './task-runner.js';

function send(message: Buffer): void {
  for (let sent = 0; sent < message.length;) sent += writeSync(HOST_OUT, message, sent);
}

function sendHeader(header: ReadyMessage | FatalMessage): void {
  send(Buffer.from(`${JSON.stringify(header)}\n`));
}

async function load(init: InitMessage): Promise<TaskFunction | FatalMessage> {
  let namespace: Record<string, unknown>;
  try {
    namespace = (await import(pathToFileURL(init.file).href)) as Record<string, unknown>;
  } catch (error) {
    const { type, message, stack } = errorInfo(error, (text) => cleanStack(text, init, import.meta.url));
    return { type: 'fatal', reason: 'load', error: { type, message, ...(stack !== undefined && { stack }) } };
  }
  const found = exportedFunction(namespace, init.method);
  if (found !== undefined) return found;
  return {
    type: 'fatal',
    reason: 'missing',
    error: { type: 'TaskFunctionNotFound', message: `${init.module} has no function ${init.method}` },
    names: exportedFunctionNames(namespace),
  };
}

function withoutSecrets(fatal: FatalMessage, redact: readonly string[]): FatalMessage {
  const mask = textMask(redact);
  if (mask === null) return fatal;
  const error = maskStrings(JSON.stringify(fatal.error), mask);
  return { ...fatal, error: JSON.parse(error) as FatalMessage['error'] };
}

/** Reads frames from the worker for as long as the pipe is open; its end is the end of this process. */
function listen(onFrame: (header: InitMessage | BatchMessage, body: string) => void): void {
  let held: Buffer[] = [];
  let heldBytes = 0;
  /** Bytes needed before the next frame can be whole; 0: unknown. */
  let need = 0;

  const take = (): void => {
    let bytes = held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held, heldBytes);
    for (;;) {
      const end = bytes.indexOf(10);
      if (end < 0) break;
      const header = JSON.parse(bytes.toString('utf8', 0, end)) as InitMessage | BatchMessage;
      need = end + 1 + (header.type === 'batch' ? header.bytes : 0);
      if (bytes.length < need) break;
      const body = bytes.toString('utf8', end + 1, need);
      bytes = bytes.subarray(need);
      need = 0;
      onFrame(header, body);
    }
    held = bytes.length > 0 ? [bytes] : [];
    heldBytes = bytes.length;
  };

  const input = new Socket({ fd: HOST_IN, readable: true, writable: false });
  input.on('data', (chunk: Buffer) => {
    held.push(chunk);
    heldBytes += chunk.length;
    if (heldBytes >= need) take();
  });
  // EOF or a broken pipe: the worker is gone, and so are we, whatever the user's code still has open.
  input.on('error', () => process.exit(0));
  input.on('end', () => process.exit(0));
}

let runner: TaskRunner | undefined;
const early: [BatchMessage, string][] = [];

listen((header, body) => {
  if (header.type === 'batch') {
    if (runner === undefined) early.push([header, body]);
    else runner.add(header, body);
    return;
  }
  watchOutput();
  process.argv = [process.argv[0] as string, header.file];
  void load(header).then((loaded) => {
    if (typeof loaded !== 'function') {
      sendHeader(withoutSecrets(loaded, header.redact ?? []));
      process.exit(0);
    }
    const running = new TaskRunner(header, loaded, send);
    runner = running;
    // process.exit() in a task: what ended before it must not be lost. The worker may be gone by then.
    process.on('exit', () => {
      try {
        running.flush();
      } catch {
        // Nobody is left to tell.
      }
    });
    sendHeader({ type: 'ready', runtime: `node ${process.versions.node}` });
    for (const [message, text] of early.splice(0)) running.add(message, text);
  });
});
