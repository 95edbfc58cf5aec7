import { parseArgs } from 'node:util';
import { ConfigError } from './domain/errors.js';
import { isName } from './domain/limits.js';
import { DEFAULT_SHARD_COUNT, MAX_SHARD_COUNT } from './domain/shard.js';
import type { LogLevel } from './runtime/pino-logger.js';

export const ROLES = ['scheduler', 'worker', 'api', 'comet'] as const;
export type Role = (typeof ROLES)[number];

/** Everything that can be set from outside, read once at start; frozen. `docs/config.md` is checked against `SETTINGS`. */
export interface Config {
  readonly roles: readonly Role[];
  /** Null = the in-memory store: all roles in this process, nothing kept at exit. */
  readonly redis: string | null;
  readonly zookeeper: string | null;
  /** `user:password`; the znodes are then closed to everybody else. */
  readonly zookeeperAuth: string | null;
  readonly cluster: string;
  readonly host: string;
  readonly port: number;
  /** Null only in standalone, where one is made up and printed. */
  readonly apiKey: string | null;
  readonly shardCount: number;
  readonly sessionTimeoutMs: number;
  readonly maxClockSkewMs: number;
  readonly reconcileMs: number;
  readonly catchUpPerSecond: number;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly drainMs: number;
  readonly allowPrivateTargets: boolean;
  readonly allowVolatileRedis: boolean;
  readonly openMetrics: boolean;
  readonly publicUrl: string | null;
  readonly origins: readonly string[];
  readonly logLevel: LogLevel;
  /** Standalone only: files imported at start, and for whom. */
  readonly calendar: string | null;
  readonly contacts: string | null;
  readonly user: string;
}

interface Setting {
  readonly flag?: string;
  readonly env: string;
  readonly default: string;
  readonly help: string;
}

/** The one table of settings: flags, variables, defaults (as text, empty = none) and their meaning. */
export const SETTINGS = {
  roles: {
    flag: 'roles',
    env: 'CLOUDJOB_ROLES',
    default: 'scheduler,worker,api,comet',
    help: 'roles of this process, comma-separated',
  },
  redis: {
    flag: 'redis',
    env: 'CLOUDJOB_REDIS',
    default: '',
    help: 'Redis URL; without it everything runs in this process and in memory',
  },
  zookeeper: {
    flag: 'zookeeper',
    env: 'CLOUDJOB_ZOOKEEPER',
    default: '',
    help: 'ZooKeeper servers, host:port,host:port; without it leaders are elected by leases in Redis',
  },
  zookeeperAuth: {
    env: 'CLOUDJOB_ZOOKEEPER_AUTH',
    default: '',
    help: 'user:password that closes our znodes to everybody else; set it wherever others reach the ZooKeeper',
  },
  cluster: {
    flag: 'cluster',
    env: 'CLOUDJOB_CLUSTER',
    default: 'default',
    help: 'name of the cluster; several may share one Redis and ZooKeeper',
  },
  host: { flag: 'host', env: 'CLOUDJOB_HOST', default: '127.0.0.1', help: 'address to listen on' },
  port: { flag: 'port', env: 'CLOUDJOB_PORT', default: '7300', help: 'port to listen on; 0 = any free one' },
  apiKey: {
    env: 'CLOUDJOB_API_KEY',
    default: '',
    help: 'key that API callers send as bearer token, at least 32 characters; required with Redis',
  },
  shardCount: {
    env: 'CLOUDJOB_SHARDS',
    default: String(DEFAULT_SHARD_COUNT),
    help: `number of shards, 1 to ${MAX_SHARD_COUNT}; fixed when the cluster is created`,
  },
  sessionTimeoutMs: {
    env: 'CLOUDJOB_SESSION_TIMEOUT_MS',
    default: '6000',
    help: 'ZooKeeper session (or Redis lease) time-out, ms: smaller fails over sooner, but gives up leadership after shorter pauses',
  },
  maxClockSkewMs: {
    env: 'CLOUDJOB_MAX_CLOCK_SKEW_MS',
    default: '1000',
    help: "a member whose clock is further than this from Redis' does not lead, ms",
  },
  reconcileMs: {
    env: 'CLOUDJOB_RECONCILE_MS',
    default: '3600000',
    help: 'how often a leader compares queues and indexes with the records, besides when it begins to lead, ms',
  },
  catchUpPerSecond: {
    env: 'CLOUDJOB_CATCH_UP_PER_SECOND',
    default: '2000',
    help: 'late fires released per second by all shards together, after an outage, and fires of backfills; larger is over sooner, smaller leaves more room for fires that are on time',
  },
  queues: {
    env: 'CLOUDJOB_QUEUES',
    default: 'default',
    help: 'queues whose HTTP and push executions this worker runs, comma-separated',
  },
  concurrency: { env: 'CLOUDJOB_CONCURRENCY', default: '100', help: 'attempts that this worker runs at once' },
  leaseMs: {
    env: 'CLOUDJOB_LEASE_MS',
    default: '6000',
    help: 'how long an attempt outlives the last sign of its worker, ms',
  },
  drainMs: {
    env: 'CLOUDJOB_DRAIN_MS',
    default: '20000',
    help: 'how long running work may go on after a stop signal, ms',
  },
  allowPrivateTargets: {
    env: 'CLOUDJOB_ALLOW_PRIVATE_TARGETS',
    default: 'false',
    help: 'let HTTP targets reach loopback and private addresses',
  },
  allowVolatileRedis: {
    env: 'CLOUDJOB_ALLOW_VOLATILE_REDIS',
    default: 'false',
    help: 'accept a Redis that may lose acknowledged writes (no AOF, or one that evicts)',
  },
  openMetrics: { env: 'CLOUDJOB_OPEN_METRICS', default: 'false', help: 'serve /metrics without the API key' },
  publicUrl: {
    env: 'CLOUDJOB_PUBLIC_URL',
    default: '',
    help: 'URL under which users reach this comet node; default: host and port',
  },
  origins: {
    env: 'CLOUDJOB_ORIGINS',
    default: '',
    help: 'origins, comma-separated, whose pages may open comet connections, besides our own',
  },
  logLevel: { env: 'CLOUDJOB_LOG_LEVEL', default: 'info', help: 'debug, info, warn, error or silent' },
  calendar: {
    flag: 'calendar',
    env: 'CLOUDJOB_CALENDAR',
    default: '',
    help: 'iCalendar file to import at start; only without Redis',
  },
  contacts: {
    flag: 'contacts',
    env: 'CLOUDJOB_CONTACTS',
    default: '',
    help: 'vCard file to import at start; only without Redis',
  },
  user: {
    flag: 'user',
    env: 'CLOUDJOB_USER',
    default: 'demo',
    help: 'user whose files these are, in the namespace default',
  },
} as const satisfies Record<keyof Config, Setting>;

type Texts = Record<keyof Config, string>;

/** Flags over environment over defaults. Errors: `ConfigError` naming the setting, what was wrong and what is allowed. */
export function readConfig(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Config {
  const flags = readFlags(args);
  const texts = Object.fromEntries(
    Object.entries(SETTINGS).map(([key, setting]: [string, Setting]) => [
      key,
      (setting.flag === undefined ? undefined : flags[setting.flag]) ?? env[setting.env] ?? setting.default,
    ]),
  ) as Texts;
  const config: Config = {
    roles: readRoles(texts.roles),
    redis: texts.redis || null,
    zookeeper: texts.zookeeper || null,
    zookeeperAuth: texts.zookeeperAuth || null,
    cluster: readName('cluster', texts.cluster),
    host: texts.host,
    port: readInt('port', texts.port, 0, 65_535),
    apiKey: readApiKey(texts.apiKey),
    shardCount: readInt('shardCount', texts.shardCount, 1, MAX_SHARD_COUNT),
    sessionTimeoutMs: readInt('sessionTimeoutMs', texts.sessionTimeoutMs, 500, 120_000),
    maxClockSkewMs: readInt('maxClockSkewMs', texts.maxClockSkewMs, 50, 86_400_000),
    reconcileMs: readInt('reconcileMs', texts.reconcileMs, 1000, 604_800_000),
    catchUpPerSecond: readInt('catchUpPerSecond', texts.catchUpPerSecond, 1, 1_000_000),
    queues: list(texts.queues).map((name) => readName('queues', name)),
    concurrency: readInt('concurrency', texts.concurrency, 1, 10_000),
    leaseMs: readInt('leaseMs', texts.leaseMs, 1000, 600_000),
    drainMs: readInt('drainMs', texts.drainMs, 0, 3_600_000),
    allowPrivateTargets: readBoolean('allowPrivateTargets', texts.allowPrivateTargets),
    allowVolatileRedis: readBoolean('allowVolatileRedis', texts.allowVolatileRedis),
    openMetrics: readBoolean('openMetrics', texts.openMetrics),
    publicUrl: texts.publicUrl || null,
    origins: list(texts.origins),
    logLevel: readLevel(texts.logLevel),
    calendar: texts.calendar || null,
    contacts: texts.contacts || null,
    user: readName('user', texts.user),
  };
  return Object.freeze(refuseContradictions(config));
}

function readFlags(args: readonly string[]): Record<string, string | undefined> {
  const options = Object.fromEntries(
    Object.values(SETTINGS).flatMap((setting: Setting) =>
      setting.flag === undefined ? [] : [[setting.flag, { type: 'string' as const }]],
    ),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error));
  }
}

function refuseContradictions(config: Config): Config {
  if (config.redis === null) {
    if (config.zookeeper !== null) refuse('redis', 'is needed together with ZooKeeper', 'redis://host:port');
    if (config.roles.length < ROLES.length)
      refuse('roles', 'cannot be fewer than all without Redis', `${SETTINGS.roles.default}, or set a Redis URL`);
  } else if (config.apiKey === null) {
    refuse(
      'apiKey',
      'is required with Redis; there is no default',
      'at least 32 characters, e.g. from: openssl rand -hex 32',
    );
  }
  if (config.redis !== null && (config.calendar ?? config.contacts) !== null) {
    const key = config.calendar === null ? 'contacts' : 'calendar';
    refuse(key, 'is for standalone', 'only without Redis; use the import of the REST API');
  }
  return config;
}

function refuse(key: keyof Config, problem: string, allowed: string): never {
  const setting: Setting = SETTINGS[key];
  const name = setting.flag === undefined ? setting.env : `--${setting.flag} (${setting.env})`;
  throw new ConfigError(`${name} ${problem} (allowed: ${allowed})`, { setting: setting.env });
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function readRoles(text: string): readonly Role[] {
  const given = new Set(list(text));
  const unknown = [...given].filter((role) => !ROLES.includes(role as Role));
  if (given.size === 0 || unknown.length > 0) refuse('roles', `cannot be '${text}'`, ROLES.join(', '));
  return ROLES.filter((role) => given.has(role));
}

function readName(key: keyof Config, text: string): string {
  if (!isName(text)) refuse(key, `cannot be '${text}'`, '1 to 128 characters out of A-Z a-z 0-9 . _ -');
  return text;
}

function readInt(key: keyof Config, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max)
    refuse(key, `cannot be '${text}'`, `${min} to ${max}`);
  return value;
}

function readBoolean(key: keyof Config, text: string): boolean {
  if (text !== 'true' && text !== 'false') refuse(key, `cannot be '${text}'`, 'true or false');
  return text === 'true';
}

function readApiKey(text: string): string | null {
  if (text === '') return null;
  if (text.length < 32 || new Set(text).size < 8)
    refuse('apiKey', 'is too easy to guess', 'at least 32 characters, e.g. from: openssl rand -hex 32');
  return text;
}

function readLevel(text: string): LogLevel {
  const levels: readonly string[] = ['debug', 'info', 'warn', 'error', 'silent'];
  if (!levels.includes(text)) refuse('logLevel', `cannot be '${text}'`, levels.join(', '));
  return text as LogLevel;
}
