import type { ServerResponse } from 'node:http';
import { RequestError } from '../domain/errors.js';
import { toIso } from '../domain/time/instant.js';
import type { CancelTimer, Clock } from '../runtime/clock.js';
import type { ClusterEvent, EventBus } from '../store/event-bus.js';
import type { Unsubscribe } from '../store/execution-store.js';

export interface EventFilter {
  readonly namespace?: string | undefined;
  readonly type?: string | undefined;
}

export interface EventStreamsConfig {
  /** Streams at once; one more is refused with `CJ_LIMIT_EXCEEDED`. */
  readonly maxStreams: number;
  /** Time between comments that keep proxies from closing a quiet stream. */
  readonly heartbeatMs: number;
}

/** A reader that is this far behind is cut off; it connects again and goes on with what happens then. */
const MAX_UNSENT_BYTES = 1_048_576;

interface Stream {
  readonly out: ServerResponse;
  readonly filter: EventFilter;
}

/** Hands cluster events to open event streams. All of them share one subscription, which lasts as long as there is a stream. */
export class EventStreams {
  readonly #deps: { readonly events: EventBus; readonly clock: Clock };
  readonly #config: EventStreamsConfig;
  readonly #streams = new Set<Stream>();
  #subscription: Promise<Unsubscribe> | undefined;
  #cancelHeartbeat: CancelTimer | undefined;

  constructor(deps: { readonly events: EventBus; readonly clock: Clock }, config: EventStreamsConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  get count(): number {
    return this.#streams.size;
  }

  /** Resolves when every later event will be seen. Errors: `CJ_LIMIT_EXCEEDED`, and those of the bus; then nothing is held. */
  async join(out: ServerResponse, filter: EventFilter): Promise<void> {
    if (this.#streams.size >= this.#config.maxStreams) {
      throw new RequestError('CJ_LIMIT_EXCEEDED', `there are ${this.#streams.size} event streams already`);
    }
    const stream = { out, filter };
    this.#streams.add(stream);
    out.once('close', () => this.#leave(stream));
    this.#beatLater();
    try {
      await (this.#subscription ??= this.#deps.events.subscribe((event) => this.#deliver(event)));
    } catch (error) {
      this.#subscription = undefined;
      this.#leave(stream);
      throw error;
    }
  }

  /** Ends all streams. */
  close(): void {
    for (const { out } of [...this.#streams]) out.end();
    for (const stream of [...this.#streams]) this.#leave(stream);
  }

  #leave(stream: Stream): void {
    if (!this.#streams.delete(stream) || this.#streams.size > 0) return;
    this.#cancelHeartbeat?.();
    this.#cancelHeartbeat = undefined;
    const subscription = this.#subscription;
    this.#subscription = undefined;
    // Nobody waits for the end of a subscription; if it cannot be ended, its connection is gone anyway.
    subscription?.then((unsubscribe) => unsubscribe()).catch(() => undefined);
  }

  #deliver(event: ClusterEvent): void {
    const { type, at, namespace, facts } = event;
    const data = JSON.stringify({ type, at: toIso(at), ...(namespace === undefined ? {} : { namespace }), ...facts });
    for (const { out, filter } of this.#streams) {
      if (filter.namespace !== undefined && filter.namespace !== namespace) continue;
      if (filter.type !== undefined && filter.type !== type) continue;
      send(out, `event: ${type}\ndata: ${data}\n\n`);
    }
  }

  #beatLater(): void {
    this.#cancelHeartbeat ??= this.#deps.clock.setTimer(this.#config.heartbeatMs, () => {
      this.#cancelHeartbeat = undefined;
      for (const { out } of this.#streams) send(out, ': heartbeat\n\n');
      if (this.#streams.size > 0) this.#beatLater();
    });
  }
}

function send(out: ServerResponse, text: string): void {
  if (!out.headersSent) return;
  if (out.writableLength > MAX_UNSENT_BYTES) out.destroy();
  else out.write(text);
}
