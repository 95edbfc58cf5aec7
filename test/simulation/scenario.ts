import { Metrics } from '../../src/runtime/metrics.js';
import { ZnodePaths } from '../../src/leader/znode-paths.js';
import { Random } from '../faults/random.js';
import { Auditor } from './auditor.js';
import { FaultInjector, type ClusterShape } from './fault-injector.js';
import { LateWords } from './late-words.js';
import { CLUSTER, startOperator, type World } from './members.js';
import { SimStore } from './sim-store.js';
import { SimZooKeeper } from './sim-zookeeper.js';
import { Simulation } from './simulation.js';
import { Workload, type WorkloadConfig } from './workload.js';

export interface ScenarioOptions {
  readonly seed: number;
  readonly hours: number;
  /** Without, nothing breaks. @default true */
  readonly faults?: boolean;
  /** Kinds of faults that are left out. */
  readonly without?: readonly string[];
}

export interface ScenarioResult {
  readonly seed: number;
  readonly hours: number;
  readonly without: readonly string[];
  /** The same for every run of a seed by the same code. */
  readonly digest: string;
  readonly failure: Error | null;
  /** What happened last. */
  readonly log: readonly string[];
  readonly counts: ScenarioCounts;
  readonly faults: ReadonlyMap<string, number>;
}

export interface ScenarioCounts {
  readonly events: number;
  readonly calls: number;
  readonly fires: number;
  /** Of triggers that count from the end of their last execution. */
  readonly afterEnds: number;
  readonly backfilled: number;
  /** That were done to their end. */
  readonly backfills: number;
  readonly missed: number;
  readonly skipped: number;
  readonly inPause: number;
  readonly attempts: number;
  readonly rescued: number;
  /** Calls of workers that had lost their lease, while somebody else had it. */
  readonly lateWords: number;
  readonly fenced: number;
  readonly terms: number;
  readonly operations: number;
  readonly worstRecoveryMs: number;
}

const HOUR_MS = 3_600_000;
const CHECK_EVERY_MS = 1000;
const INDEX_CHECK_EVERY_MS = 60_000;
/** How late a healthy cluster may be. */
const LATENESS_MS = 1500;
/** Beyond the session time-out, after the last fault: calls that are given up, members that start, backlogs. */
const RECOVERY_MS = 15_000;
/** More for backfills, which come after everything else and are looked for now and then. */
const BACKFILL_MS = 30_000;
const SETTLE_MS = 60_000;
const FINISH_MS = 300_000;

/** One cluster from its first start to its last execution. The seed decides about everything. */
export async function runScenario({
  seed,
  hours,
  faults = true,
  without = [],
}: ScenarioOptions): Promise<ScenarioResult> {
  const sim = new Simulation(seed);
  const shape = pickShape(new Random(seed ^ 0x2545f491));
  const zookeeper = new SimZooKeeper(sim);
  const paths = new ZnodePaths(CLUSTER);
  const auditor = new Auditor(sim, { holderOf: (shard) => zookeeper.holderOf(paths.owner(shard)) });
  const store = new SimStore(sim, { shardCount: shape.shards, monitor: auditor });
  auditor.watch(store.process, store.shards);
  const world: World = { sim, store, zookeeper, auditor, metrics: new Metrics() };
  const operator = startOperator(world);
  const injector = new FaultInjector(world, { shape, operator: operator.link, without });
  const workload = new Workload({ sim, client: operator.client, clock: operator.process }, shape);
  const lateWords = new LateWords(world);
  const progress = new ProgressWatch({ sim, auditor, injector }, shape.sessionTimeoutMs + RECOVERY_MS);

  injector.startCluster();
  workload.start(shape.changeEveryMs);
  if (faults) injector.start(shape.faultEveryMs);
  progress.start();

  const endAt = hours * HOUR_MS;
  await sim.runUntil(endAt);
  injector.end();
  workload.end();
  await sim.runUntil(endAt + 2 * SETTLE_MS);
  workload.pauseAll();
  await sim.runUntil(endAt + SETTLE_MS * 2 + FINISH_MS);
  auditor.checkIndexes();
  auditor.checkFinished();

  const { fires, executions, leadership, calls } = auditor;
  const { timetables, delays, backfills } = fires;
  return {
    seed,
    hours,
    without,
    digest: sim.digest,
    failure: sim.failure,
    log: sim.failure === null ? [] : sim.log(),
    counts: {
      events: sim.eventCount,
      calls,
      fires: timetables.fires,
      afterEnds: delays.fires,
      backfilled: backfills.fires,
      backfills: backfills.finished,
      missed: timetables.missed + delays.missed,
      skipped: timetables.skipped,
      inPause: timetables.inPause,
      attempts: executions.attempts,
      rescued: executions.rescued,
      lateWords: lateWords.count,
      fenced: leadership.fenced,
      terms: leadership.terms,
      operations: workload.operations,
      worstRecoveryMs: progress.worstRecoveryMs,
    },
    faults: injector.counts,
  };
}

interface Shape extends ClusterShape, WorkloadConfig {
  readonly shards: number;
  readonly changeEveryMs: number;
  readonly faultEveryMs: number;
}

function pickShape(random: Random): Shape {
  return {
    schedulers: random.pick([2, 2, 3]),
    workers: random.pick([1, 2, 2]),
    sessionTimeoutMs: random.pick([4000, 6000, 10_000]),
    leaseMs: random.pick([4000, 6000, 10_000, 20_000]),
    concurrency: random.pick([8, 16]),
    shards: random.pick([1, 1, 2, 3]),
    jobs: random.between(2, 6),
    triggers: random.between(5, 35),
    delays: random.between(0, 2),
    partitionedJobs: random.between(0, 2),
    changeEveryMs: random.between(20, 120) * 1000,
    faultEveryMs: random.between(60, 300) * 1000,
  };
}

/** Looks every second whether what is due is decided, once nothing is broken any more. */
class ProgressWatch {
  readonly #deps: { readonly sim: Simulation; readonly auditor: Auditor; readonly injector: FaultInjector };
  readonly #boundMs: number;
  #recoveredAt = 0;
  #ticks = 0;
  worstRecoveryMs = 0;

  constructor(deps: { sim: Simulation; auditor: Auditor; injector: FaultInjector }, boundMs: number) {
    this.#deps = deps;
    this.#boundMs = boundMs;
  }

  start(): void {
    this.#deps.sim.schedule(CHECK_EVERY_MS, null, () => {
      this.#check();
      this.start();
    });
  }

  #check(): void {
    const { sim, auditor, injector } = this.#deps;
    this.#ticks += 1;
    if (this.#ticks % (INDEX_CHECK_EVERY_MS / CHECK_EVERY_MS) === 0) auditor.checkIndexes();
    injector.checkTrust();
    if (!injector.isHealthy) return;
    const healthyForMs = sim.now - injector.healedAt;
    if (healthyForMs > this.#boundMs + BACKFILL_MS) auditor.checkBackfills(BACKFILL_MS);
    if (healthyForMs > this.#boundMs) {
      auditor.checkProgress(LATENESS_MS);
    } else if (this.#recoveredAt < injector.healedAt && !auditor.isBehind(LATENESS_MS)) {
      this.#recoveredAt = sim.now;
      this.worstRecoveryMs = Math.max(this.worstRecoveryMs, sim.now - injector.healedAt);
    }
  }
}
