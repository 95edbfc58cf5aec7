import { onTestFinished } from 'vitest';
import type { Execution } from '../../src/domain/execution.js';
import type { JobKey } from '../../src/domain/job.js';
import type { KnownProgress } from '../../src/domain/shard-progress.js';
import type { EpochMs } from '../../src/domain/time/instant.js';
import { compileTrigger, nextFire, triggerKeyOf, type TriggerDefinition } from '../../src/domain/trigger.js';
import type { Clock } from '../../src/runtime/clock.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { CalendarBook } from '../../src/scheduler/calendar-book.js';
import { ShardLoop } from '../../src/scheduler/shard-loop.js';
import type { ClusterClock } from '../../src/store/cluster-clock.js';
import type { ClusterEvent } from '../../src/store/event-bus.js';
import type { ExecutionStore } from '../../src/store/execution-store.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { aJobDefinition, aTriggerDefinition } from '../support/builders.js';
import { FakeTerm } from '../support/fake-term.js';
import { FaultyStore } from '../support/faulty-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { RecordingProbe } from '../support/wait.js';

export const JOB: JobKey = 'shop/report';

export interface Leader {
  readonly term: FakeTerm;
  readonly loop: ShardLoop;
  readonly probe: RecordingProbe;
  readonly metrics: Metrics;
}

/** One shard on a manual clock, with a store that can be made to fail. */
export function setup() {
  const clock = new ManualClock();
  const stores = new MemoryStores({ clock }, { shardCount: 1 });
  const faulty = new FaultyStore<ExecutionStore>(stores.executions, clock);
  const calendars = new CalendarBook({
    calendars: stores.calendars,
    events: stores.events,
    clock,
    logger: silentLogger,
  });
  const events: ClusterEvent[] = [];
  const origin = clock.now();

  /** A leader that is ready to fire; stopped when the test ends. */
  async function lead(
    epoch = 1,
    {
      store = faulty.store,
      clusterClock = stores.clusterClock,
      ownClock = clock,
      tz = '2026a',
    }: { store?: ExecutionStore; clusterClock?: ClusterClock; ownClock?: Clock; tz?: string } = {},
  ): Promise<Leader> {
    const term = new FakeTerm(epoch);
    const probe = new RecordingProbe();
    const metrics = new Metrics();
    const { planning, progress, backfills, jobs } = stores;
    const known = { progress, backfills, jobs, checkpoints: undefined, memory: new Map<number, KnownProgress>() };
    const common = { term, clusterClock, clock: ownClock, probe, metrics, events: stores.events, planning, calendars };
    const loop = new ShardLoop({ ...common, ...known, store, logger: silentLogger }, { tz });
    onTestFinished(async () => {
      const stopped = loop.stop();
      await clock.advance(1000);
      await stopped;
    });
    term.ended.addEventListener('abort', () => void loop.stop());
    const started = loop.start();
    started.catch(() => undefined);
    await clock.advance(0);
    return { term, loop, probe, metrics };
  }

  /** Zone `Mars/Base` is one that this member does not know. Stores triggers of one job, each with its first fire after the watermark (now, unless given). */
  async function put(
    triggers: Record<string, Partial<TriggerDefinition> & { watermark?: EpochMs }>,
    { job = JOB, definition = {} }: { job?: JobKey; definition?: Record<string, unknown> } = {},
  ): Promise<void> {
    const writes = Object.entries(triggers).map(([name, { watermark = clock.now(), ...fields }]) => {
      const written = aTriggerDefinition(fields);
      const known = written.timeZone === 'Mars/Base' ? { ...written, timeZone: 'UTC' } : written;
      const key = triggerKeyOf(job, name);
      const next = written.paused === true ? null : nextFire(key, known, compileTrigger(key, known), watermark);
      return { name, definition: written, watermark, next };
    });
    await stores.jobs.putJob({ key: job, definition: aJobDefinition(definition), triggers: writes });
    await clock.advance(0);
  }

  async function records(): Promise<readonly Execution[]> {
    const { items } = await stores.executions.listExecutions({ namespace: 'shop', limit: 10_000 });
    return [...items].sort((a, b) => a.nominalAt - b.nominalAt || ((a.trigger ?? '') < (b.trigger ?? '') ? -1 : 1));
  }

  /** `trigger@nominal+lateness`, instants counted from the start of the test. */
  async function fired(): Promise<readonly string[]> {
    const queued = (await records()).filter(({ state }) => state !== 'missed' && state !== 'skipped');
    return queued.map(({ trigger, nominalAt, firedAt }) => `${trigger}@${nominalAt - origin}+${firedAt - nominalAt}`);
  }

  async function watch(): Promise<ClusterEvent[]> {
    await stores.events.subscribe((event) => events.push(event));
    return events;
  }

  return { clock, stores, calendars, faulty, origin, lead, put, records, fired, watch };
}

export function every(everyMs: number): Partial<TriggerDefinition> {
  return { schedule: { type: 'every', everyMs }, overlap: 'allow' };
}

export function once(at: EpochMs): Partial<TriggerDefinition> {
  return { schedule: { type: 'at', at: new Date(at).toISOString() }, overlap: 'allow' };
}
