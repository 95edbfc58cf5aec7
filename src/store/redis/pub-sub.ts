import type { Redis } from 'ioredis';
import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import { Service } from '../../runtime/service.js';
import type { Unsubscribe } from '../execution-store.js';
import type { Subscriber } from './cluster-subscriber.js';
import { connectInTime, openSubscriber, reviveWhenEnded, type RedisSource } from './redis-clients.js';
import { translateRedisError } from './redis-errors.js';

interface Subscription {
  readonly onText: (text: string) => void;
  readonly onGap: () => void;
}

/**
 * Subscriptions to channels over one connection of their own. Delivery is best effort: what is published while
 * the connection is away is lost, and then every subscriber is told by `onGap` once it stands again.
 */
export class RedisPubSub extends Service {
  readonly name = 'redis-pub-sub';
  readonly #subscriber: Subscriber;
  readonly #client: Redis;
  readonly #channels = new Map<string, Set<Subscription>>();
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Connections so far. */
  #connections = 0;

  constructor({ clock, logger }: { clock: Clock; logger: Logger }, { source }: { source: RedisSource }) {
    super();
    this.#clock = clock;
    this.#logger = logger;
    this.#subscriber = openSubscriber(source);
    this.#client = this.#subscriber.client;
    this.#client.on('error', (error: unknown) => logger.warn('redis-subscriber-error', { error }));
    this.#client.on('message', (channel: string, text: string) => this.#deliver(channel, text));
    this.#client.on('ready', () => void this.#renew());
    reviveWhenEnded(this.#client, clock, this.stopSignal);
  }

  /** Resolves when the subscription stands. `onGap` is called after it was interrupted and stands again. */
  async subscribe(channel: string, onText: (text: string) => void, onGap: () => void = ignore): Promise<Unsubscribe> {
    const subscription = { onText, onGap };
    const existing = this.#channels.get(channel);
    if (existing === undefined) this.#channels.set(channel, new Set([subscription]));
    else existing.add(subscription);
    try {
      // Also for a channel that has subscribers: it may not stand yet, and subscribing twice is harmless.
      await this.#client.subscribe(channel);
    } catch (error) {
      await this.#remove(channel, subscription);
      throw translateRedisError(error);
    }
    return () => this.#remove(channel, subscription);
  }

  /** Finds a connection that is dead without saying so: the client drops it when no answer comes. */
  async check(): Promise<void> {
    this.#subscriber.recheck();
    if (this.#client.status === 'ready') await this.#client.ping().catch(() => undefined);
  }

  protected async onStart(): Promise<void> {
    try {
      await connectInTime(this.#client, this.#clock, this.stopSignal);
    } catch (error) {
      throw translateRedisError(error);
    }
  }

  protected onStop(): Promise<void> {
    this.#channels.clear();
    this.#subscriber.close();
    return Promise.resolve();
  }

  async #remove(channel: string, subscription: Subscription): Promise<void> {
    const subscriptions = this.#channels.get(channel);
    if (subscriptions?.delete(subscription) !== true || subscriptions.size > 0) return;
    this.#channels.delete(channel);
    // A lost answer leaves a subscription that nobody listens to.
    if (this.#client.status === 'ready') await this.#client.unsubscribe(channel).catch(() => undefined);
  }

  #deliver(channel: string, text: string): void {
    for (const { onText } of [...(this.#channels.get(channel) ?? [])]) this.#guard(() => onText(text));
  }

  /** On a new connection: what was subscribed to on the one before. */
  async #renew(): Promise<void> {
    const connection = (this.#connections += 1);
    if (connection === 1 || this.#channels.size === 0) return;
    try {
      await this.#client.subscribe(...this.#channels.keys());
    } catch (error) {
      this.#logger.warn('subscriptions-not-renewed', { error });
      // Whether they stand is not known: on the next connection they do.
      if (connection === this.#connections && this.#client.status === 'ready') this.#client.disconnect(true);
      return;
    }
    this.#tellGap();
  }

  #tellGap(): void {
    for (const subscriptions of [...this.#channels.values()]) {
      for (const { onGap } of [...subscriptions]) this.#guard(onGap);
    }
  }

  /** A listener that throws must not end the connection. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#logger.error('subscriber-failed', { error });
    }
  }
}

function ignore(): void {
  // Nobody wants to know.
}
