/** Faults at random and on demand. */
import { Random } from '../../chaos/random.js';
import type { FaultKind, FaultRates, Settled } from './options.js';

/** Which requests a fault on demand meets. */
export interface Where {
  readonly method?: string;
  /** Of the path, without the service's own beginning: `/jobs/bulk`. */
  readonly path?: string | RegExp;
  /** @default 1 */
  readonly times?: number;
  /** Requests to let pass before. @default 0 */
  readonly after?: number;
}

interface Planned {
  readonly kind: FaultKind;
  readonly where: Where;
  pass: number;
  left: number;
}

export type Service = 'iam' | 'compute' | 'catalog' | 'storage';

/** Nobody can tell the second from a wish for two. */
const MADE_ONCE = /^POST \/(?:jobs|functions)$/;

export class Faults {
  /** By chance; change it at any time. */
  rates: FaultRates;
  /** Probability that an execution is preempted. */
  preempt: number;
  /** Milliseconds until searches tell an end. */
  stale: number;
  /** Seconds. */
  retryAfter: number;
  /** How many there were. */
  readonly counts: Partial<Record<FaultKind, number>> = {};
  #planned: Planned[] = [];
  readonly #random: Random;

  constructor(options: Settled) {
    this.rates = { ...options.faults };
    this.preempt = options.preempt;
    this.stale = options.stale;
    this.retryAfter = options.retryAfter;
    this.#random = Random.of(options.seed, 'faults');
  }

  /** Adds to the rates. */
  set(rates: FaultRates): void {
    this.rates = { ...this.rates, ...rates };
  }

  /** No faults any more, neither by chance nor planned. */
  clear(): void {
    this.rates = {};
    this.preempt = 0;
    this.stale = 0;
    this.#planned = [];
  }

  /** The next requests that fit meet it for sure. Those of several calls come one after the other. */
  next(kind: FaultKind, where: Where = {}): void {
    this.#planned.push({ kind, where, pass: where.after ?? 0, left: where.times ?? 1 });
  }

  chance(probability: number): boolean {
    return probability > 0 && this.#random.chance(probability);
  }

  between(least: number, most: number): number {
    return least + this.#random.next() * (most - least);
  }

  /** What a request meets. @param path without the service's beginning */
  plan(service: Service, method: string, path: string): FaultKind | null {
    const kind = this.#onDemand(method, path) ?? this.#byChance(service, `${method} ${path}`);
    if (kind !== null) this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    return kind;
  }

  #onDemand(method: string, path: string): FaultKind | null {
    for (const planned of this.#planned) {
      const { where } = planned;
      if (where.method !== undefined && where.method !== method) continue;
      if (typeof where.path === 'string' && where.path !== path) continue;
      if (where.path instanceof RegExp && !where.path.test(path)) continue;
      if (planned.pass > 0) {
        planned.pass--;
        continue;
      }
      planned.left--;
      if (planned.left === 0) this.#planned = this.#planned.filter((one) => one !== planned);
      return planned.kind;
    }
    return null;
  }

  #byChance(service: Service, route: string): FaultKind | null {
    for (const [kind, rate] of Object.entries(this.rates) as [FaultKind, number][]) {
      if (!fits(kind, service, route)) continue;
      if (this.chance(rate)) return kind;
    }
    return null;
  }
}

/** Whether a fault by chance can meet such a request. */
function fits(kind: FaultKind, service: Service, route: string): boolean {
  switch (kind) {
    case 'presigned-403':
    case 'presigned-503':
      return service === 'storage';
    case '401':
      return service === 'compute' || service === 'catalog';
    case 'error-after':
      return route === 'POST /jobs/bulk';
    case 'duplicate':
      return !route.startsWith('GET') && !MADE_ONCE.test(route);
    case 'drop-before':
    case 'drop-after':
    case 'drop-body':
    case 'slow-body':
      return true;
    default:
      return service !== 'storage';
  }
}
