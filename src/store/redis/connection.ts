import {
  connectInTime,
  describeSource,
  openCommandClient,
  reviveWhenEnded,
  type RedisClient,
  type RedisSource,
} from './redis-clients.js';
import { isUnknownScript, translateRedisError } from './redis-errors.js';
import { watchServers } from './server-watch.js';
import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import type { Metrics } from '../../runtime/metrics.js';
import { Service } from '../../runtime/service.js';

export type RedisArg = string | number;

export interface RedisMaster {
  readonly name: string;
  send(command: string): Promise<unknown>;
}

interface Deps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * The one connection on which commands are sent. Every failure leaves it as a `CloudJobError` and is counted:
 * `StoreUnavailableError` when Redis cannot be reached or does not answer, `CJ_INVARIANT` for a bug in a script.
 */
export class RedisConnection extends Service {
  readonly name = 'redis-connection';
  /** Without credentials. */
  readonly address: string;
  readonly #client: RedisClient;
  readonly #deps: Deps;
  #lastError: unknown;
  #interruptions = 0;

  /** Errors: `ConfigError` for a URL that cannot be read. */
  constructor(deps: Deps, { source }: { source: RedisSource }) {
    super();
    this.#deps = deps;
    this.address = describeSource(source);
    this.#client = openCommandClient(source);
    for (const event of ['close', '+node', '-node']) this.#client.on(event, () => (this.#interruptions += 1));
    this.#client.on('error', (error: unknown) => {
      this.#lastError = error;
      deps.logger.warn('redis-connection-error', { address: this.address, error });
    });
    watchServers(this.#client, (change) => {
      deps.metrics.redisServerChanges.inc();
      deps.logger.warn('redis-server-changed', { address: this.address, ...change });
    });
    reviveWhenEnded(this.#client, deps.clock, this.stopSignal);
  }

  /** How often the connection was lost, or the nodes of a cluster have changed: what is behind it may be another server now. */
  get interruptionCount(): number {
    return this.#interruptions;
  }

  get isCluster(): boolean {
    return this.#client.isCluster;
  }

  /** For libraries that bring their own scripts (redlock). Not to be closed. */
  get client(): unknown {
    return this.#client;
  }

  /** Sends one command. Reply shapes are those of RESP2. */
  async send(command: string, args: readonly RedisArg[]): Promise<unknown> {
    try {
      // The client of a cluster would keep the command until a node is there.
      if (this.#client.isCluster && this.#client.status !== 'ready') throw new Error('no node of the cluster is there');
      return await this.#client.call(command, args as RedisArg[]);
    } catch (error) {
      throw isUnknownScript(error) ? error : this.#failure(error);
    }
  }

  /** The masters by name: the one server, or those of a Redis Cluster. Failures are not counted. */
  masters(): readonly RedisMaster[] {
    const client = this.#client;
    if (!('nodes' in client)) return [{ name: this.address, send: (command) => this.send(command, []) }];
    return client.nodes('master').map((node) => ({
      name: `${node.options.host}:${node.options.port}`,
      send: (command) =>
        node.call(command).catch((error: unknown) => {
          throw translateRedisError(error);
        }),
    }));
  }

  /** Sends a command to every master: the one server, or each shard of a Redis Cluster. */
  async sendToMasters(command: string, args: readonly RedisArg[]): Promise<readonly unknown[]> {
    const client = this.#client;
    if (!('nodes' in client)) return [await this.send(command, args)];
    const replies = client.nodes('master').map((node) => node.call(command, args as RedisArg[]));
    return Promise.all(replies).catch((error: unknown) => {
      throw this.#failure(error);
    });
  }

  protected async onStart(): Promise<void> {
    try {
      await connectInTime(this.#client, this.#deps.clock, this.stopSignal);
    } catch (error) {
      throw this.#failure(this.#lastError ?? error);
    }
  }

  protected onStop(): Promise<void> {
    this.#client.disconnect();
    return Promise.resolve();
  }

  protected override isReady(): boolean {
    return super.isReady() && this.#client.status === 'ready';
  }

  protected override details(): Readonly<Record<string, unknown>> {
    return { address: this.address, connection: this.#client.status };
  }

  #failure(error: unknown): Error {
    const failure = translateRedisError(error);
    this.#deps.metrics.storeErrors.inc({ code: failure.code });
    return failure;
  }
}
