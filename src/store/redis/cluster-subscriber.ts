import { createConnection } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, Redis, type Cluster, type RedisOptions } from 'ioredis';

/** A connection on which nothing is done but subscribing. */
export interface Subscriber {
  readonly client: Redis;
  /** Moves to another server where this one has no more to say. */
  recheck(): void;
  close(): void;
}

interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/** How long a connection that is being closed may take to do so. */
const CLOSE_WITHIN_MS = 2000;

/**
 * Subscriptions at whichever node of a Redis Cluster answers: what is published at one is heard at all. The client
 * of the cluster has a subscriber of its own, which waits for a silent node without end and tells nobody of an
 * interruption; this is an ordinary connection with time-outs that goes to the next node when one fails.
 * `map` only says which nodes there are, and goes with it.
 */
export function subscribeToCluster(
  map: Cluster,
  options: RedisOptions & { readonly replyMapping: 'legacy' },
): Subscriber {
  const walk = new NodeWalk(map);
  const tls = options.tls;
  class Connector extends AbstractConnector {
    constructor() {
      super(CLOSE_WITHIN_MS);
    }

    async connect(): ReturnType<AbstractConnector['connect']> {
      this.connecting = true;
      const address = await walk.next();
      // Closed while the nodes were asked for.
      if (!this.connecting) throw new Error('Connection is closed.');
      this.stream = tls === undefined ? createConnection(address) : connectTls({ ...address, ...tls });
      this.stream.once('error', (error: Error) => (this.firstError = error));
      return this.stream;
    }
  }
  const client = new Redis({ ...options, Connector });
  return {
    client,
    recheck: () => {
      if (client.status === 'ready' && walk.hasLeftCluster()) client.disconnect(true);
    },
    close: () => {
      client.disconnect();
      map.disconnect();
    },
  };
}

/** The nodes of a cluster in turn. */
class NodeWalk {
  readonly #map: Cluster;
  #known: readonly NodeAddress[] = [];
  #position = 0;
  #current: NodeAddress | undefined;

  constructor(map: Cluster) {
    this.#map = map;
    map.on('error', () => undefined);
  }

  async next(): Promise<NodeAddress> {
    if (this.#map.status === 'wait') await this.#map.connect();
    const nodes = this.#nodes();
    // A cluster that cannot be seen right now comes back where it was.
    if (nodes.length > 0) this.#known = nodes;
    if (this.#current === undefined) this.#position = Math.floor(Math.random() * this.#known.length);
    this.#current = this.#known[this.#position++ % this.#known.length];
    if (this.#current === undefined) throw new Error('no node of the cluster is known');
    return this.#current;
  }

  hasLeftCluster(): boolean {
    const nodes = this.#nodes();
    return (
      nodes.length > 0 && !nodes.some(({ host, port }) => host === this.#current?.host && port === this.#current.port)
    );
  }

  #nodes(): readonly NodeAddress[] {
    return this.#map.nodes().flatMap(({ options: { host, port } }) => (host && port ? [{ host, port }] : []));
  }
}
