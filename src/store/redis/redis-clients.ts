import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import { ConfigError } from '../../domain/errors.js';
import type { Clock } from '../../runtime/clock.js';
import { REACHABLE_WITHIN_MS } from '../until-reachable.js';
import { translateRedisError } from './redis-errors.js';
import { subscribeToCluster, type Subscriber } from './cluster-subscriber.js';

export type RedisClient = Redis | Cluster;

/**
 * Where Redis is: a URL, options of ioredis, or a client of the caller's. A client serves as a pattern for ours
 * (address, credentials, TLS); it is neither used nor closed, because its time-outs are not ours.
 *
 *     redis://[user:password@]host[:port][/db]            one server (rediss:// with TLS)
 *     redis+sentinel://[user:password@]host:port,…/master-name[/db]
 *     redis+cluster://[user:password@]host:port,…
 */
export type RedisSource = string | RedisOptions | RedisClient;

type OurOptions = RedisOptions & { readonly replyMapping: 'legacy' };
type OurClusterOptions = ClusterOptions & {
  redisOptions: NonNullable<ClusterOptions['redisOptions']> & { replyMapping: 'legacy' };
};

/**
 * Fails fast: a command is sent at once or refused, never sent again by the client, and never waited for
 * without end. All writes are idempotent scripts, so whoever asked repeats them.
 */
const COMMAND_OPTIONS: OurOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 5000,
  commandTimeout: 5000,
  // A connection without any answer is given up soon after its first command was: on a way that was broken for seconds TCP
  // tries again as late, and a new connection at once.
  socketTimeout: 6000,
  keepAlive: 5000,
  // Flat replies of one shape, also to commands sent by name.
  protocol: 2,
  replyMapping: 'legacy',
  keyPrefix: '',
  retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), 1000),
  // A server that loads its data says for how long it will, in whole seconds: it is asked more often than that.
  maxLoadingRetryTime: 250,
  // A replica that was the master: reconnect to find the new one, and let the caller repeat the command.
  reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
  // Sentinels tell of a new master at once, also when the old one does not say so itself; one that is silent is
  // passed over.
  failoverDetector: true,
  sentinelCommandTimeout: 2000,
  // A connection on which a Sentinel tells of failovers is made anew with the next one to the master. The client would
  // subscribe anew by itself, and end the process if the Sentinel did not answer: nobody waits for that promise.
  sentinelReconnectStrategy: () => null,
};

/** Subscriptions are idempotent: they wait for the connection. Who opens one renews them with it. */
const SUBSCRIBER_OPTIONS: OurOptions = {
  ...COMMAND_OPTIONS,
  enableOfflineQueue: true,
  maxRetriesPerRequest: null,
  // Nobody waits for the promise of what the client sends by itself: an answer that stays away would end the process.
  autoResubscribe: false,
};

/** A client that is not connected yet. Errors: `ConfigError` for a URL that cannot be read. */
export function openCommandClient(source: RedisSource): RedisClient {
  return openClient(source, COMMAND_OPTIONS);
}

/** As `openCommandClient`, for pub/sub only. */
export function openSubscriber(source: RedisSource): Subscriber {
  const client = openClient(source, SUBSCRIBER_OPTIONS);
  if (!client.isCluster) return { client: client as Redis, recheck: () => undefined, close: () => client.disconnect() };
  const map = client as Cluster;
  const { username, password, tls } = map.options.redisOptions ?? {};
  return subscribeToCluster(map, { ...SUBSCRIBER_OPTIONS, ...defined({ username, password, tls }) });
}

/**
 * Connects. A failed attempt is repeated for ten seconds, since a restart or a failover may be under way; one that
 * the server refuses by name or password fails at once. Errors: the last one of the client.
 */
export async function connectInTime(client: RedisClient, clock: Clock, signal: AbortSignal): Promise<void> {
  let giveUp: (error: unknown) => void = () => undefined;
  let becomeReady: () => void = () => undefined;
  const outcome = new Promise<void>((resolve, reject) => ([becomeReady, giveUp] = [resolve, reject]));
  let lastError: unknown = new Error('no connection within ten seconds');
  const onError = (error: unknown): void => {
    lastError = error;
    if (translateRedisError(error).code === 'CJ_REDIS_REFUSED') giveUp(error);
  };
  const onStop = (): void => giveUp(new Error('stopped while connecting'));
  client.on('ready', becomeReady).on('error', onError);
  signal.addEventListener('abort', onStop);
  const cancel = clock.setTimer(REACHABLE_WITHIN_MS, () => giveUp(lastError));
  try {
    // After a failed attempt the client goes on by itself, or is revived.
    client.connect().catch(() => undefined);
    await outcome;
  } finally {
    cancel();
    signal.removeEventListener('abort', onStop);
    client.off('ready', becomeReady).off('error', onError);
  }
}

const REVIVE_AFTER_MS = 100;

/**
 * Connects again where the client has given up for good, until the signal is aborted. That happens behind Sentinels:
 * a failover that the client hears of while it asks for the master ends the attempt, and with it the client.
 */
export function reviveWhenEnded(client: RedisClient, clock: Clock, signal: AbortSignal): void {
  client.on('end', () => {
    if (signal.aborted) return;
    clock.setTimer(REVIVE_AFTER_MS, () => {
      if (!signal.aborted && client.status === 'end') client.connect().catch(() => undefined);
    });
  });
}

/** The address without credentials, for logs and messages. */
export function describeSource(source: RedisSource): string {
  if (typeof source === 'string') return source.replace(/\/\/[^@/]*@/, '//');
  if (isClient(source)) return source.isCluster ? 'the cluster of the given client' : addressOf(source.options);
  return addressOf(source);
}

function openClient(source: RedisSource, options: OurOptions): RedisClient {
  if (typeof source === 'string') return openUrl(source, options);
  if (!isClient(source)) return new Redis({ ...source, ...options });
  if (source.isCluster) return (source as Cluster).duplicate([], clusterOptions(options, (source as Cluster).options));
  return (source as Redis).duplicate(options);
}

function openUrl(text: string, options: OurOptions): RedisClient {
  const match = /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/]+)(?:\/(.*))?$/.exec(text);
  if (match === null) {
    throw new ConfigError(
      `"${describeSource(text)}" is not a Redis URL: redis://host:port, redis+sentinel://… or redis+cluster://…`,
    );
  }
  const [, tls, kind, userInfo, hosts = '', path = ''] = match;
  // The servers of a Sentinel set-up are only spoken to in TLS where that is said once more.
  const secure = tls === 's' ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {};
  const access = { ...options, ...credentials(userInfo), ...secure };
  const nodes = hosts.split(',').map((host) => nodeOf(host, kind === 'sentinel' ? 26_379 : 6379));
  if (kind === 'cluster') return new Cluster(nodes, clusterOptions(access, {}));
  if (kind === 'sentinel') {
    const [name = '', db = '0'] = path.split('/');
    if (name === '')
      throw new ConfigError('a redis+sentinel URL needs the name of the master: redis+sentinel://host:port/name');
    return new Redis({ ...access, sentinels: nodes, name, db: databaseOf(db) });
  }
  const [node] = nodes;
  if (node === undefined || nodes.length > 1)
    throw new ConfigError('a redis URL has one host; several need redis+sentinel or redis+cluster');
  return new Redis({ ...access, ...node, db: databaseOf(path === '' ? '0' : path) });
}

/**
 * The cluster layer would send a command again when its connection breaks; that is the caller's decision here too.
 * It follows slots that move, and asks again where an answer says that nothing was done (CLUSTERDOWN, TRYAGAIN).
 */
function clusterOptions(options: OurOptions, given: ClusterOptions): OurClusterOptions {
  const {
    lazyConnect: _lazy,
    enableOfflineQueue: _offlineQueue,
    keyPrefix: _prefix,
    retryStrategy: _retry,
    ...perNode
  } = options;
  return {
    ...given,
    lazyConnect: true,
    // Waits for a node that is being connected to, within the time a command has. While no node is there at all,
    // `RedisConnection` refuses.
    enableOfflineQueue: true,
    keyPrefix: '',
    retryDelayOnFailover: 0,
    slotsRefreshInterval: 5000,
    redisOptions: Object.assign({}, given.redisOptions, perNode),
  };
}

/** Without the properties that are undefined. */
function defined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

function nodeOf(text: string, defaultPort: number): { host: string; port: number } {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(text);
  if (match?.[1] === undefined) throw new ConfigError(`"${text}" is not host:port`);
  return { host: match[1].replace(/^\[|\]$/g, ''), port: match[2] === undefined ? defaultPort : Number(match[2]) };
}

function databaseOf(text: string): number {
  const path = text.replace(/\?.*$/, '');
  if (/^\d{1,5}$/.test(path)) return Number(path);
  throw new ConfigError(`"${path}" is not the number of a Redis database`);
}

function credentials(userInfo: string | undefined): Pick<RedisOptions, 'username' | 'password'> {
  if (userInfo === undefined || userInfo === '') return {};
  const colon = userInfo.indexOf(':');
  const user = colon === -1 ? '' : decodeURIComponent(userInfo.slice(0, colon));
  const password = decodeURIComponent(userInfo.slice(colon + 1));
  return { ...(user === '' ? {} : { username: user }), password };
}

/** By shape, since the caller's client may come from another copy of the library. */
function isClient(source: RedisOptions | RedisClient): source is RedisClient {
  return 'duplicate' in source && typeof source.duplicate === 'function';
}

function addressOf(options: RedisOptions): string {
  return options.path ?? `redis://${options.host ?? '127.0.0.1'}:${options.port ?? 6379}`;
}
