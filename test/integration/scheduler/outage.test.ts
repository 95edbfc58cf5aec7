import { randomUUID } from 'node:crypto';
import { expect, inject, it, onTestFinished } from 'vitest';
import type { Execution } from '../../../src/domain/execution.js';
import { jobKeyOf } from '../../../src/domain/job.js';
import type { MisfirePolicy } from '../../../src/domain/misfire-policy.js';
import { StaticElector } from '../../../src/leader/static-elector.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { SchedulerService } from '../../../src/scheduler/scheduler.service.js';
import { RedisStores } from '../../../src/store/redis/redis-stores.js';
import { aJobDefinition, aTriggerWrite } from '../../support/builders.js';
import { eventually, RecordingProbe } from '../../support/wait.js';

const HOUR = 3_600_000;
/** 1 = 100,000 due fires. */
const SCALE = 1;
const PER_SECOND = 20_000 * SCALE;
const MISFIRE: MisfirePolicy = { policy: 'fireAll', graceMs: 1000, maxAgeMs: 2 * HOUR, maxCount: 1000 };

interface Kind {
  readonly triggers: number;
  readonly everyMs: number;
  readonly misfire: Partial<MisfirePolicy>;
  /** How many of the times in the hour fire, which are always the last ones, and why the others do not. */
  readonly fires: number;
  readonly reason?: string;
}

/** 100,000 nominal times in an hour; ages lie half a period away from the limit, so that a slow machine decides alike. */
const KINDS: Readonly<Record<string, Kind>> = {
  all: { triggers: 500 * SCALE, everyMs: 36_000, misfire: {}, fires: 100 },
  counted: { triggers: 200 * SCALE, everyMs: 36_000, misfire: { maxCount: 50 }, fires: 50, reason: 'misfire-too-many' },
  once: { triggers: 15_000 * SCALE, everyMs: HOUR, misfire: { policy: 'fireOnce' }, fires: 1 },
  latest: {
    triggers: 500 * SCALE,
    everyMs: HOUR / 10,
    misfire: { policy: 'fireOnce' },
    fires: 1,
    reason: 'misfire-collapsed',
  },
  skipped: { triggers: 50 * SCALE, everyMs: 36_000, misfire: { policy: 'skip' }, fires: 0, reason: 'misfire-skip' },
  young: {
    triggers: 500 * SCALE,
    everyMs: HOUR / 10,
    misfire: { maxAgeMs: HOUR / 2 + HOUR / 20 },
    fires: 6,
    reason: 'misfire-too-old',
  },
};

/** One shard in Redis whose leader has been gone for an hour, and the fires that fell due. */
async function setup() {
  const common = { clock: systemClock, logger: silentLogger, metrics: new Metrics(), probe: new RecordingProbe() };
  const stores = new RedisStores(common, {
    ...{ redis: inject('redisUrl'), cluster: `outage-${randomUUID()}`, requireDurability: true },
    shardCount: 1,
  });
  await stores.start();
  onTestFinished(() => stores.stop());
  // A minute ago, so that all of it is late, and stays so.
  const now = Math.floor(await stores.executions.serverTime());
  const end = now - 60_000;
  const start = end - HOUR;
  for (const [name, { triggers, everyMs, misfire }] of Object.entries(KINDS)) {
    const job = jobKeyOf('outage', name);
    const schedule = { type: 'every', everyMs, anchor: new Date(start).toISOString() } as const;
    // Nothing more becomes due while the test runs.
    const fields = { schedule, endAt: end + 1, overlap: 'allow' as const, misfire: { ...MISFIRE, ...misfire } };
    await stores.jobs.putJob({ key: job, definition: aJobDefinition({ queue: name }) });
    const writes = Array.from({ length: triggers }, (_, i) =>
      aTriggerWrite(`t${i}`, { watermark: start, dueAt: start + everyMs, ...fields }),
    );
    for (let i = 0; i < writes.length; i += 1000) await stores.jobs.putTriggers(job, writes.slice(i, i + 1000));
  }
  const fields = { schedule: { type: 'every', everyMs: 250 }, overlap: 'allow' } as const;
  const onTime = aTriggerWrite('t0', { watermark: now, dueAt: now + 250, ...fields });
  await stores.jobs.putJob({ key: jobKeyOf('outage', 'live'), definition: aJobDefinition(), triggers: [onTime] });
  const raiseEpoch = (shard: number) => stores.executions.raiseFence(shard, 'me');
  const elector = new StaticElector({ ...common, raiseEpoch }, { member: 'me', shardCount: 1 });
  const scheduler = new SchedulerService({ ...common, stores, elector }, { catchUpPerSecond: PER_SECOND });
  onTestFinished(() => scheduler.stop());

  async function records(job: string): Promise<readonly Execution[]> {
    const all: Execution[] = [];
    let cursor: string | undefined;
    do {
      const page = await stores.executions.listExecutions({ namespace: 'outage', job, limit: 500, cursor });
      all.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return all.reverse();
  }
  return { ...common, stores, scheduler, start, end, records };
}

it(`makes up for an hour's outage with ${100_000 * SCALE} due fires at the rate, in order, by the policies`, async () => {
  const { stores, scheduler, metrics, start, records } = await setup();
  const late = Object.values(KINDS).reduce((sum, { triggers, fires }) => sum + triggers * fires, 0);
  const began = await stores.executions.serverTime();
  await scheduler.start();
  const lateFires = async (): Promise<number> => (await metrics.lateFires.get()).values[0]?.value ?? 0;
  await eventually('all late fires are made up for', async () => (await lateFires()) >= late, { timeoutMs: 60_000 });
  await eventually('all are recorded', async () => (await stores.executions.wakeTimes(0)).dueAt !== null);
  await scheduler.stop();
  expect(await lateFires()).toBe(late);

  let firedLast = 0;
  for (const [name, { triggers, everyMs, fires, reason }] of Object.entries(KINDS)) {
    const nominal = Array.from({ length: HOUR / everyMs }, (_, i) => start + (i + 1) * everyMs);
    const byTrigger = new Map<string, Execution[]>();
    for (const record of await records(name)) {
      const own = byTrigger.get(record.trigger ?? '') ?? [];
      byTrigger.set(record.trigger ?? '', own);
      own.push(record);
      if (record.state === 'queued') firedLast = Math.max(firedLast, record.firedAt);
    }
    expect(byTrigger.size, name).toBe(triggers);
    for (const own of byTrigger.values()) {
      const queued = own.filter(({ state }) => state === 'queued');
      const missed = own.filter(({ state }) => state === 'missed');
      expect(own).toHaveLength(queued.length + missed.length);
      expect(queued.map(({ nominalAt }) => nominalAt)).toEqual(nominal.slice(nominal.length - fires));
      const times = missed.flatMap(({ nominalAt, missed: range }) =>
        Array.from({ length: range?.count ?? 0 }, (_, i) => nominalAt + i * everyMs),
      );
      expect(times).toEqual(nominal.slice(0, nominal.length - fires));
      expect(missed.every((record) => record.reason === reason)).toBe(true);
      const firedAt = own.map((record) => record.firedAt);
      expect(firedAt, 'in order of nominal time').toEqual([...firedAt].sort((a, b) => a - b));
    }
  }

  // Not faster than the rate, whatever else the machine does; a tenth of a second's worth may come at once.
  expect(firedLast - began).toBeGreaterThan((late / PER_SECOND) * 1000 - 300);
  const live = (await records('live')).filter(({ nominalAt }) => nominalAt < firedLast - 1000);
  expect(live.length).toBeGreaterThan(5);
  expect(live.every(({ state, firedAt }) => state === 'queued' && firedAt < firedLast)).toBe(true);
  const worst = Math.max(...live.map(({ nominalAt, firedAt }) => firedAt - nominalAt));
  console.info(`${late} late fires in ${firedLast - began} ms, rate ${PER_SECOND}/s; on time by ${worst} ms at most`);
}, 120_000);
