import { parseArgs } from 'node:util';
import { SETTINGS } from '../config.js';
import { ConfigError, FencedError } from '../domain/errors.js';
import type { Epoch, ShardId } from '../domain/shard.js';
import { Metrics } from '../runtime/metrics.js';
import { createPinoLogger } from '../runtime/pino-logger.js';
import { systemClock } from '../runtime/system-clock.js';
import { CalendarBook } from '../scheduler/calendar-book.js';
import { ShardReconciliation } from '../scheduler/shard-reconciliation.js';
import { RedisStores } from '../store/redis/redis-stores.js';

const LINES_AT_MOST = 1000;

/**
 * `cloudjob reconcile`: prints what a leader would repair; with `--apply` repairs it, beside the leaders and under
 * their epochs, so that both may be at work. Errors: `ConfigError`, `StoreUnavailableError`.
 */
export async function reconcile(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  print: (line: string) => void,
): Promise<void> {
  const { redis, cluster, isApplying } = readArguments(args, env);
  const logger = createPinoLogger('warn', { cluster });
  const deps = { clock: systemClock, logger, metrics: new Metrics() };
  const stores = new RedisStores(deps, { redis, cluster, mustExist: true, requireDurability: false });
  await stores.start();
  try {
    const calendars = new CalendarBook({ ...deps, calendars: stores.calendars, events: stores.events });
    await calendars.refresh();
    const report = new Report(print, isApplying);
    for (let shard = 0; shard < stores.executions.shardCount; shard++) {
      await reconcileShard({ stores, calendars, logger, report }, shard, isApplying);
    }
    report.end(stores.executions.shardCount);
  } finally {
    await stores.stop();
  }
}

interface Tools {
  readonly stores: RedisStores;
  readonly calendars: CalendarBook;
  readonly logger: ReturnType<typeof createPinoLogger>;
  readonly report: Report;
}

/** A leader that takes over meanwhile fences this pass; it begins again under the new epoch, and finds less. */
async function reconcileShard(tools: Tools, shard: ShardId, isApplying: boolean): Promise<void> {
  for (;;) {
    const epoch = isApplying ? (await tools.stores.executions.readFence(shard)).epoch : null;
    try {
      return await onePass(tools, shard, epoch);
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
    }
  }
}

async function onePass(
  { stores, calendars, logger, report }: Tools,
  shard: ShardId,
  epoch: Epoch | null,
): Promise<void> {
  const { reconciling, planning, executions } = stores;
  const pass = new ShardReconciliation({ reconciling, planning, executions, calendars, logger }, { shard, epoch });
  while (!pass.isOver) {
    for (const { kind, subject } of await pass.page()) report.add(`shard ${shard}: ${kind} ${subject}`);
  }
  report.seenCount += pass.seenCount;
}

class Report {
  seenCount = 0;
  /** A look may name a difference twice. */
  readonly #lines = new Set<string>();
  readonly #print: (line: string) => void;
  readonly #isApplying: boolean;

  constructor(print: (line: string) => void, isApplying: boolean) {
    this.#print = print;
    this.#isApplying = isApplying;
  }

  add(line: string): void {
    if (this.#lines.has(line)) return;
    this.#lines.add(line);
    if (this.#lines.size <= LINES_AT_MOST) this.#print(line);
  }

  end(shardCount: number): void {
    const count = this.#lines.size;
    if (count > LINES_AT_MOST) this.#print(`and ${count - LINES_AT_MOST} more`);
    const looked = `looked at ${this.seenCount} entries in ${shardCount} shards`;
    if (count === 0) this.#print(`${looked}: nothing to repair`);
    else if (this.#isApplying) this.#print(`${looked}: ${count} repaired`);
    else this.#print(`${looked}: ${count} to repair; nothing was changed, run again with --apply`);
  }
}

function readArguments(args: readonly string[], env: Readonly<Record<string, string | undefined>>) {
  const options = { redis: { type: 'string' }, cluster: { type: 'string' }, apply: { type: 'boolean' } } as const;
  let values;
  try {
    values = parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error));
  }
  const redis = values.redis ?? env[SETTINGS.redis.env] ?? '';
  if (redis === '')
    throw new ConfigError(`--redis (${SETTINGS.redis.env}) is needed: what is in memory needs no repair`);
  const cluster = values.cluster ?? env[SETTINGS.cluster.env] ?? SETTINGS.cluster.default;
  return { redis, cluster, isApplying: values.apply === true };
}
