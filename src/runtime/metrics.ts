import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Buckets in seconds for lateness and waiting: a millisecond up to two minutes. */
const LATENESS_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120];

/**
 * Every Prometheus series of a process, declared in one place so that names and labels cannot drift.
 * `docs/operations.md` lists them; a test compares. Labels have few values: never a job, user or id.
 */
export class Metrics {
  readonly registry = new Registry();

  readonly fireLateness = this.#histogram(
    'cloudjob_fire_lateness_seconds',
    'From the due instant to the recorded fire',
    [],
  );
  readonly fires = this.#counter('cloudjob_fires_total', 'Fires decided, by outcome', ['outcome']);
  readonly misses = this.#counter('cloudjob_misses_total', 'Nominal times that were recorded as missed', ['reason']);
  readonly lateFires = this.#counter('cloudjob_late_fires_total', 'Fires released at the rate of catching up', []);
  readonly backfillFires = this.#counter('cloudjob_backfill_fires_total', 'Fires of backfills decided', []);
  readonly fireBatch = this.#histogram(
    'cloudjob_fire_batch_size',
    'Triggers per fire call',
    [],
    [1, 5, 20, 50, 100, 200, 500, 1000],
  );
  readonly fencedWrites = this.#counter('cloudjob_fenced_writes_total', 'Writes refused because of a stale epoch', []);
  readonly leading = this.#gauge('cloudjob_shards_led', 'Shards that this member leads now', []);
  readonly epoch = this.#gauge('cloudjob_leader_epoch', 'Epoch of each shard led by this member', ['shard']);
  readonly termsEnded = this.#counter('cloudjob_terms_ended_total', 'Leadership terms that ended, by reason', [
    'reason',
  ]);
  readonly shardsBlocked = this.#gauge(
    'cloudjob_shards_blocked',
    'Shards due to this member that somebody else has held for over three session timeouts',
    [],
  );
  readonly clockOffset = this.#gauge('cloudjob_clock_offset_seconds', 'Local clock minus the clock of the store', []);
  readonly clockSpread = this.#gauge(
    'cloudjob_clock_spread_seconds',
    'Between the fastest and the slowest clock of the masters of a Redis Cluster',
    [],
  );
  readonly leadershipRefused = this.#gauge(
    'cloudjob_leadership_refused',
    'Whether this member may not lead now, by reason',
    ['reason'],
  );
  readonly rescues = this.#counter('cloudjob_rescues_total', 'Executions taken back from expired leases, by outcome', [
    'outcome',
  ]);

  readonly replanned = this.#counter(
    'cloudjob_replanned_triggers_total',
    'Due instants that moved because calendars or time zone data had changed',
    [],
  );

  readonly rollbacks = this.#counter(
    'cloudjob_rollbacks_total',
    'Shards in which the store had lost acknowledged writes, by kind',
    ['kind'],
  );
  readonly refires = this.#counter(
    'cloudjob_refires_total',
    'Fires whose instant had been decided before by writes that the store has lost',
    [],
  );
  readonly repairs = this.#counter(
    'cloudjob_repairs_total',
    'Entries that disagreed with the records and were repaired, by kind',
    ['kind'],
  );

  readonly attempts = this.#counter('cloudjob_attempts_total', 'Attempts ended, by target and outcome', [
    'target',
    'outcome',
  ]);
  readonly attemptDuration = this.#histogram('cloudjob_attempt_duration_seconds', 'Duration of attempts', ['target']);
  readonly startDelay = this.#histogram(
    'cloudjob_start_delay_seconds',
    'From the due instant to the start of the first attempt',
    ['target'],
  );
  readonly slotsBusy = this.#gauge('cloudjob_worker_slots_busy', 'Worker slots in use', []);
  readonly slots = this.#gauge('cloudjob_worker_slots', 'Worker slots in all', []);
  readonly leasesLost = this.#counter('cloudjob_leases_lost_total', 'Leases lost while an attempt was running', []);

  readonly httpRequests = this.#histogram('cloudjob_http_request_seconds', 'Duration of API requests', [
    'method',
    'route',
    'status',
  ]);
  readonly redisServerChanges = this.#counter(
    'cloudjob_redis_server_changes_total',
    'Times that another Redis server answered than before: restarted, or promoted',
    [],
  );
  readonly storeErrors = this.#counter('cloudjob_store_errors_total', 'Failed calls to the store, by code', ['code']);

  readonly connections = this.#gauge('cloudjob_comet_connections', 'Open user connections', ['transport']);
  readonly messagesSent = this.#counter('cloudjob_comet_messages_total', 'Messages by what happened to them', [
    'outcome',
  ]);
  readonly resumes = this.#counter(
    'cloudjob_comet_resumes_total',
    'Resumed connections, by whether all messages were there',
    ['recovered'],
  );
  readonly closes = this.#counter('cloudjob_comet_closes_total', 'Connections closed by the server, by close code', [
    'code',
  ]);

  collectProcessMetrics(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  /** The text that Prometheus scrapes. */
  expose(): Promise<string> {
    return this.registry.metrics();
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    buckets = LATENESS_BUCKETS,
  ): Histogram<L> {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}
