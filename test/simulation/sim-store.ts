import { silentLogger } from '../../src/runtime/logger.js';
import type { Metrics } from '../../src/runtime/metrics.js';
import type { EventBus } from '../../src/store/event-bus.js';
import type { MemoryShard } from '../../src/store/memory/memory-shard.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { RedisClusterClock } from '../../src/store/redis/redis-cluster-clock.js';
import type { Stores } from '../../src/store/stores.js';
import type { Service } from '../../src/runtime/service.js';
import { NetworkLink } from './network-link.js';
import { SimProcess } from './sim-process.js';
import type { Simulation } from './simulation.js';

/** All that is called over the network. */
type Ports = Omit<Stores, keyof Service | 'events' | 'clusterClock'>;

/** One call of a port, as the store sees it. */
export interface StoreCall {
  readonly client: SimProcess;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Sees every call: when it is sent, and right before and after the store applies it. */
export interface StoreMonitor {
  sending(call: StoreCall): void;
  applying(call: StoreCall): void;
  applied(call: StoreCall, result: { readonly value: unknown } | { readonly error: unknown }): void;
}

export interface StoreConnection {
  readonly stores: Omit<Stores, keyof Service>;
  readonly clusterClock: RedisClusterClock;
  readonly link: NetworkLink;
  /** Subscriptions end with the process. */
  close(): void;
}

/**
 * The store of the cluster: the memory stores, which pass the same contract as Redis', in a process of their own
 * behind a network. Each call is applied whole, at one instant, like a script.
 */
export class SimStore {
  readonly process: SimProcess;
  readonly shards: readonly MemoryShard[];
  readonly #sim: Simulation;
  readonly #monitor: StoreMonitor;
  readonly #ports: Ports;

  constructor(sim: Simulation, { shardCount, monitor }: { shardCount: number; monitor: StoreMonitor }) {
    this.#sim = sim;
    this.#monitor = monitor;
    this.process = new SimProcess(sim, 'store');
    const stores = new MemoryStores({ clock: this.process }, { shardCount });
    this.shards = stores.shards;
    this.#ports = portsOf(stores);
  }

  connect(client: SimProcess, metrics: Metrics): StoreConnection {
    const link = new NetworkLink(this.#sim, { client, server: this.process });
    const subscriptions = new Set<() => Promise<void>>();
    const send = (method: string, args: readonly unknown[], apply: () => Promise<unknown>): Promise<unknown> => {
      const call: StoreCall = { client, method, args };
      this.#monitor.sending(call);
      return link.call(method, () => this.#apply(call, apply));
    };
    const remote = <T extends object>(port: T): T => remoteOf(port, { send, link, subscriptions });
    const clusterClock = new RedisClusterClock({
      clock: client,
      logger: silentLogger,
      metrics,
      connection: { masters: () => [{ name: 'store', send: () => send('serverTime', [], () => this.#readTime()) }] },
      pubSub: { check: () => Promise.resolve() },
    });
    const ports = Object.entries(this.#ports).map(([name, port]) => [name, remote(port)] as const);
    const stores = { ...(Object.fromEntries(ports) as unknown as Ports), events: unheard, clusterClock };
    const close = (): void => subscriptions.forEach((unsubscribe) => void unsubscribe());
    return { stores, clusterClock, link, close };
  }

  /** As Redis' TIME: seconds and microseconds. */
  #readTime(): Promise<readonly [string, string]> {
    const now = this.process.now();
    return Promise.resolve([String(Math.floor(now / 1000)), String((now % 1000) * 1000)]);
  }

  async #apply(call: StoreCall, apply: () => Promise<unknown>): Promise<unknown> {
    this.#monitor.applying(call);
    // The memory stores do their work before they return the promise.
    const outcome = apply();
    try {
      const value = await outcome;
      this.#monitor.applied(call, { value });
      return value;
    } catch (error) {
      this.#monitor.applied(call, { error });
      throw error;
    }
  }
}

function portsOf(stores: MemoryStores): Ports {
  const ports = Object.entries(stores).filter(([name, value]) => typeof value === 'object' && !LOCAL.has(name));
  return Object.fromEntries(ports) as unknown as Ports;
}

const LOCAL: ReadonlySet<string> = new Set(['events', 'clusterClock', 'shards']);

/** Announcements for people; nothing that is simulated listens. */
const unheard: EventBus = { publish: () => undefined, subscribe: () => Promise.resolve(() => Promise.resolve()) };

interface Remote {
  readonly send: (method: string, args: readonly unknown[], apply: () => Promise<unknown>) => Promise<unknown>;
  readonly link: NetworkLink;
  readonly subscriptions: Set<() => Promise<void>>;
}

type Method = (...args: readonly unknown[]) => Promise<unknown>;

/** The same port, every method of which goes over the network; listeners are called over it too. */
function remoteOf<T extends object>(port: T, { send, link, subscriptions }: Remote): T {
  const methods = new Map<string, Method>();
  const subscribe = (name: string, method: Method): Method => {
    return (...args) => {
      const listener = args.at(-1) as (...facts: unknown[]) => void;
      const heard = (...facts: unknown[]): void => link.hint(() => listener(...facts));
      return send(name, args, async () => {
        const unsubscribe = (await method.call(port, ...args.slice(0, -1), heard)) as () => Promise<void>;
        subscriptions.add(unsubscribe);
        return async () => {
          subscriptions.delete(unsubscribe);
          await unsubscribe();
        };
      });
    };
  };
  const methodOf = (name: string): Method => {
    const method = (port as Record<string, Method>)[name] as Method;
    if (name.startsWith('on')) return subscribe(name, method);
    return (...args) => send(name, args, () => method.apply(port, [...args]));
  };
  return new Proxy(port, {
    get: (target, name: string) => {
      const value = (target as Record<string, unknown>)[name];
      if (typeof value !== 'function') return value;
      const known = methods.get(name) ?? methodOf(name);
      methods.set(name, known);
      return known;
    },
  });
}
