import { open, readFile } from 'node:fs/promises';
import { setTimeout as passed } from 'node:timers/promises';
import { checkHistory, type Bounds } from './checker.js';
import { firingsOf, requiredTimes } from './checks/firing-checks.js';
import { worstGapMs } from './checks/timing-checks.js';
import type { Fault, Heal, Part } from './fault.js';
import { SHARDS, type FaultSite } from './fault-site.js';
import type { FaultSpan, History, LogEntry, LossWindow, WorkerRun } from './history.js';
import { Load } from './load.js';
import type { Member } from './member.js';
import { CLOCK_ERROR_MS } from './plan-book.js';
import type { Random } from './random.js';
import {
  countOpen,
  earliestDue,
  readContents,
  readFence,
  readRecords,
  readsFromMaster,
  type ShardSource,
} from './shard-contents.js';
import type { Violation } from './violation.js';

export interface RoundOptions {
  readonly site: FaultSite;
  readonly namespace: string;
  readonly faults: readonly Fault[];
  readonly random: Random;
  /** Fires per second. */
  readonly fires: number;
  readonly bounds: Bounds;
}

export interface RoundResult {
  readonly faults: readonly FaultSpan[];
  readonly violations: readonly Violation[];
  readonly history: History;
  readonly fires: number;
  /** Nominal times that had to be recorded. */
  readonly required: number;
  readonly worstGapMs: number;
  /** From healing until the scheduler that was struck leads a shard; null = none was. */
  readonly backMs: number | null;
  readonly fencedWrites: number;
  readonly mayLose: boolean;
}

/** Before the first fault: what is due in the first `CLOCK_ERROR_MS` of a definition is not required. */
const WARM_MS = 1000;
/** From when the pause certainly explains nothing that was due during the faults. */
const REST_MS = CLOCK_ERROR_MS + 300;
const RECOVER_WITHIN_MS = 60_000;
const shards = Array.from({ length: SHARDS }, (_, shard) => shard);

/** Load, faults, healing, rest, check: one piece of history with its own namespace on a standing cluster. */
export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { site, namespace, random, fires, bounds } = options;
  const source: ShardSource = { client: site.redis.client, cluster: site.cluster };
  for (const member of site.members) member.note(`round ${namespace}: ${options.faults.map((f) => f.name).join(', ')}`);
  for (const member of site.members) member.facts();
  const fenced = await Counted.begin(site, 'cloudjob_fenced_writes_total');
  const rollbacks = await Counted.begin(site, 'cloudjob_rollbacks_total');
  await site.log?.skip();
  const fences = await Promise.all(shards.map((shard) => readFence(source, shard)));
  const offsets = new Map(
    await Promise.all(site.byRole('worker').map(async (w) => [w, await sizeOf(site.runsFile(w))] as const)),
  );

  const load = new Load({ url: site.api.spec.url ?? '', namespace, random, fires });
  const problems: string[] = [];
  await load.start();
  await passed(WARM_MS);
  const { faults, healingFrom, scheduler } = await underFaults(options);
  const returns = options.faults.some((fault) => fault.part === 'scheduler');
  const [backMs] = await Promise.all([
    returns ? untilItLeads(source, scheduler) : null,
    caughtUp(source).then((found) => problems.push(...found)),
  ]);
  const recoveredAt = Date.now();
  // What is due from here on must fire: the pause has to come so late that it cannot explain a gap before.
  await Promise.all([load.stopEditing(), passed(REST_MS)]);
  problems.push(...(await caughtUp(source)));
  await load.pauseAll();
  // The file is long: what is there already is read while the last executions end.
  const [early = []] = await Promise.all([
    site.log?.read(),
    drained(source).then((found) => void problems.push(...found)),
  ]);
  const entries = await entriesOf(site, { source, namespace, fences, early });
  const recorded = new Set(entries.flatMap((entry) => (entry.kind === 'record' ? [entry.id] : [])));
  const history: History = {
    triggers: load.book.plans(faults.map(({ from }) => ({ from, healedAt: recoveredAt }))),
    log: { kind: site.log === null ? 'last-state' : 'every-change', entries },
    runs: await runsOf(site, { offsets, namespace }),
    writes: load.writes,
    found: await load.found(recorded),
    refusals: load.refusals,
    faults,
    shards: await Promise.all(shards.map((shard) => readContents(source, shard))),
    processes: site.members.map((member) => member.facts()),
    lossWindows: lossWindowsOf(options.faults, faults, { healingFrom, isReported: (await rollbacks.increase()) > 0 }),
  };
  if (backMs !== null && backMs > BACK_WITHIN_MS + bounds.latenessMs)
    problems.push(`${scheduler.name} leads again only after ${backMs} ms`);
  const violations = [
    ...checkHistory(history, bounds),
    ...problems.map((text) => ({ invariant: 'I8' as const, subject: 'recovery', text })),
  ];
  await load.deleteAll();
  return {
    faults,
    violations,
    history,
    fires: firingsOf(history).length,
    required: history.triggers.reduce((sum, plan) => sum + requiredTimes(plan).size, 0),
    worstGapMs: worstGapMs(history),
    backMs,
    fencedWrites: await fenced.increase(),
    mayLose: options.faults.some((fault) => fault.mayLose === true),
  };
}

/** Injects all faults, one shortly after the other, and heals servers and networks before processes. */
async function underFaults({
  site,
  faults,
  random,
}: RoundOptions): Promise<{ faults: readonly FaultSpan[]; healingFrom: number; scheduler: Member }> {
  const holds = faults.map(({ holdMs: [least, most] }) => random.between(least, most));
  const holdMs = Math.max(0, ...holds);
  const victims = { scheduler: random.pick(site.byRole('scheduler')), worker: random.pick(site.byRole('worker')) };
  const begun: { fault: Fault; from: number; heal: Heal }[] = [];
  for (const fault of faults) {
    const from = Date.now();
    begun.push({ fault, from, heal: await fault.inject({ site, random, holdMs, ...victims }) });
    if (faults.length > 1) await passed(random.between(0, 500));
  }
  await passed(holdMs);
  const healingFrom = Date.now();
  // Processes last: they cannot start without servers.
  const order: readonly Part[] = ['zookeeper', 'redis', 'scheduler', 'worker', 'api'];
  const healed = new Map<Fault, number>();
  const left = new Map<Fault, () => Promise<void>>();
  for (const part of order) {
    for (const { fault, heal } of begun.filter((one) => one.fault.part === part)) {
      const rest = await heal();
      healed.set(fault, Date.now());
      if (rest !== undefined) left.set(fault, rest);
    }
  }
  for (const [fault, finish] of left) {
    await finish();
    healed.set(fault, Date.now());
  }
  const spans = begun.map(({ fault, from }) => {
    const healedAt = healed.get(fault) ?? Infinity;
    return { name: fault.name, from, healedAt, boundMs: fault.boundMs(healedAt - from) };
  });
  return { faults: spans, healingFrom, scheduler: victims.scheduler };
}

/**
 * A scheduler whose network or process is whole again leads again within this time: TCP may wait for seconds with what
 * it sends next, but connections that stay silent for six are given up and made anew.
 */
const BACK_WITHIN_MS = 6000;

async function untilItLeads(source: ShardSource, member: Member): Promise<number> {
  const from = performance.now();
  const passedMs = (): number => Math.round(performance.now() - from);
  while (passedMs() < RECOVER_WITHIN_MS && !(await leads(source, member))) await passed(50);
  return passedMs();
}

/** Whoever began to lead a shard last is named by its fence. */
async function leads({ client, cluster }: ShardSource, member: Member): Promise<boolean> {
  const names = await Promise.all(shards.map((shard) => client.hget(`cj:{${cluster}:${shard}}:fence`, 'member')));
  return names.some((name) => name?.includes(`-${member.pid}-`) === true);
}

async function caughtUp(source: ShardSource): Promise<readonly string[]> {
  return within('fires are up to date', async () => {
    if (!(await readsFromMaster(source))) return false;
    const due = await Promise.all(shards.map((shard) => earliestDue(source, shard)));
    // While a round goes on something is due at any time.
    return Math.min(...due) > Date.now() - 300 && due.some((at) => at < Infinity);
  });
}

async function drained(source: ShardSource): Promise<readonly string[]> {
  return within('all executions have ended', async () => {
    const open = await Promise.all(shards.map((shard) => countOpen(source, shard)));
    return open.every((count) => count === 0);
  });
}

async function within(what: string, isSo: () => Promise<boolean>): Promise<readonly string[]> {
  const deadline = performance.now() + RECOVER_WITHIN_MS;
  while (performance.now() < deadline) {
    if (await isSo()) return [];
    await passed(100);
  }
  return [`not within ${RECOVER_WITHIN_MS} ms: ${what}`];
}

interface EntriesOptions {
  readonly source: ShardSource;
  readonly namespace: string;
  readonly fences: readonly LogEntry[];
  /** Read from the log before. */
  readonly early: readonly LogEntry[];
}

async function entriesOf(
  site: FaultSite,
  { source, namespace, fences, early }: EntriesOptions,
): Promise<readonly LogEntry[]> {
  if (site.log === null) {
    return (await Promise.all(shards.map((shard) => readRecords(source, { shard, namespace })))).flat();
  }
  const known = new Set<string>();
  const mine = [...early, ...(await site.log.read())].filter((entry) => {
    if (entry.kind === 'fence') return true;
    if (entry.kind === 'watermark' || entry.kind === 'trigger-removed')
      return entry.trigger.startsWith(`${namespace}/`);
    if (entry.kind === 'record' && entry.record.job.startsWith(`${namespace}/`)) known.add(entry.id);
    return known.has(entry.id);
  });
  return [...fences, ...mine];
}

async function runsOf(
  site: FaultSite,
  { offsets, namespace }: { offsets: ReadonlyMap<unknown, number>; namespace: string },
): Promise<readonly WorkerRun[]> {
  const runs = await Promise.all(
    site.byRole('worker').map(async (worker) => {
      const text = await readFrom(site.runsFile(worker), offsets.get(worker) ?? 0);
      const lines = text.split('\n').filter((line) => line.endsWith('}'));
      return lines.map((line) => JSON.parse(line) as WorkerRun);
    }),
  );
  return runs.flat().filter((run) => run.key.startsWith(`${namespace}/`));
}

async function sizeOf(path: string): Promise<number> {
  return (await readFile(path)).length;
}

async function readFrom(path: string, offset: number): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.max(0, size - offset));
    await file.read(bytes, 0, bytes.length, offset);
    return bytes.toString();
  } finally {
    await file.close();
  }
}

/** How much a counter of the schedulers grows. What a killed process had counted is lost. */
class Counted {
  readonly #site: FaultSite;
  readonly #name: string;
  readonly #before: ReadonlyMap<number, number>;

  private constructor(site: FaultSite, name: string, before: ReadonlyMap<number, number>) {
    this.#site = site;
    this.#name = name;
    this.#before = before;
  }

  static async begin(site: FaultSite, name: string): Promise<Counted> {
    return new Counted(site, name, await Counted.#read(site, name));
  }

  async increase(): Promise<number> {
    const now = await Counted.#read(this.#site, this.#name);
    return [...now].reduce((sum, [pid, count]) => sum + count - (this.#before.get(pid) ?? 0), 0);
  }

  static async #read(site: FaultSite, name: string): Promise<ReadonlyMap<number, number>> {
    const members = site.byRole('scheduler');
    return new Map(await Promise.all(members.map(async (member) => [member.pid, await member.metric(name)] as const)));
  }
}

/** Replication may lag behind by a few seconds before the failover. */
const LAG_MS = 5000;

/** A lost pause or deletion shows only later: the window is open to the end of the round. */
function lossWindowsOf(
  faults: readonly Fault[],
  spans: readonly FaultSpan[],
  rest: Pick<LossWindow, 'healingFrom' | 'isReported'>,
): readonly LossWindow[] {
  return spans
    .filter((_, i) => faults[i]?.mayLose === true)
    .map(({ from }) => ({ from: from - LAG_MS, until: Infinity, ...rest }));
}
