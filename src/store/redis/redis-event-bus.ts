import type { ClusterEvent, EventBus } from '../event-bus.js';
import type { Unsubscribe } from '../execution-store.js';
import type { RedisConnection } from './connection.js';
import { eventsChannel } from './keys.js';
import type { RedisPubSub } from './pub-sub.js';

/** Events over pub/sub, one message for each call; what cannot be sent is counted and forgotten. */
export class RedisEventBus implements EventBus {
  readonly #connection: RedisConnection;
  readonly #pubSub: RedisPubSub;
  readonly #channel: string;

  constructor(
    { connection, pubSub }: { connection: RedisConnection; pubSub: RedisPubSub },
    { cluster }: { cluster: string },
  ) {
    this.#connection = connection;
    this.#pubSub = pubSub;
    this.#channel = eventsChannel(cluster);
  }

  publish(events: readonly ClusterEvent[]): void {
    if (events.length === 0) return;
    // The failure was counted where it became ours.
    this.#connection.send('PUBLISH', [this.#channel, JSON.stringify(events)]).catch(() => undefined);
  }

  subscribe(listener: (event: ClusterEvent) => void, onGap?: () => void): Promise<Unsubscribe> {
    const onText = (text: string): void => {
      for (const event of JSON.parse(text) as ClusterEvent[]) listener(event);
    };
    return this.#pubSub.subscribe(this.#channel, onText, onGap);
  }
}
