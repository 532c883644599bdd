/**
 * A server that behaves as EarthOne Compute does, as far as that is known, and runs jobs for real.
 *
 * ```ts
 * const server = await startServer({ faults: { '503': 0.05 } });
 * … // a client with the variables of server.env
 * await server.stop();
 * ```
 */
import { join } from 'node:path';
import { Faults } from './earthone/faults.js';
import type { Fn, Job } from './earthone/model.js';
import { settled, type ServerOptions } from './earthone/options.js';
import { Front, type Recorded } from './earthone/server.js';
import { CLIENT_ID, CLIENT_SECRET, NAMESPACE, World, type Counters } from './earthone/world.js';

export type { FaultKind, FaultRates, ServerOptions } from './earthone/options.js';
export type { Recorded } from './earthone/server.js';
export type { Fn as ServerFunction, Job as ServerJob } from './earthone/model.js';

export interface EarthOneServer {
  /** For a client's environment. `HOME` is a scratch folder. */
  readonly env: Readonly<Record<string, string>>;
  readonly urls: {
    readonly compute: string;
    readonly iam: string;
    readonly catalog: string;
    readonly storage: string;
  };
  readonly clientId: string;
  readonly clientSecret: string;
  readonly namespace: string;
  /** The newest of those that came; `counters` counts all. */
  readonly requests: readonly Recorded[];
  readonly counters: Counters;
  /** By chance and on demand, changeable at any time. */
  readonly faults: Faults;
  /** As they are now, in order of creation. */
  jobs(): Job[];
  functions(): Fn[];
  /** A token that is good for some seconds. */
  issueToken(lifetime?: number): string;
  /** No token is good any more; new ones are. */
  expireTokens(): void;
  /** Ids of the processes that run jobs. */
  processes(): number[];
  stop(): Promise<void>;
}

export async function startServer(options: ServerOptions = {}): Promise<EarthOneServer> {
  const all = settled(options);
  const faults = new Faults(all);
  const world = new World(all, faults);
  const front = new Front(world);
  await front.listen();
  const urls = {
    compute: front.url('compute'),
    iam: front.url('iam'),
    catalog: front.url('catalog'),
    storage: front.storageOrigin,
  };
  return {
    urls,
    env: {
      EARTHONE_COMPUTE_URL: urls.compute,
      EARTHONE_IAM_URL: urls.iam,
      EARTHONE_CATALOG_V2_URL: urls.catalog,
      EARTHONE_CLIENT_ID: CLIENT_ID,
      EARTHONE_CLIENT_SECRET: CLIENT_SECRET,
      HOME: join(world.scratch, 'user'),
    },
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    namespace: NAMESPACE,
    requests: front.requests,
    counters: world.counters,
    faults,
    jobs: () => [...world.jobs.values()],
    functions: () => [...world.functions.values()],
    issueToken: (lifetime) => world.issueToken(lifetime),
    expireTokens: () => world.tokens.clear(),
    processes: () => front.executor.processes,
    stop: async () => {
      await front.stop();
      world.remove();
    },
  };
}
