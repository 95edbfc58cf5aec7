import { afterEach, describe, expect, it } from 'vitest';
import type { Execution } from '../../src/domain/execution.js';
import { jobKeyOf, parseJobDefinition } from '../../src/domain/job.js';
import { firstFire, parseTrigger, triggerKeyOf } from '../../src/domain/trigger.js';
import { eventually } from '../support/wait.js';
import { TestCluster } from './cluster-harness.js';
import { allExecutions, checkFirings } from './firing-log.js';

const SESSION_TIMEOUT_MS = 2000;
const SHARDS = 16;
const JOBS = 96;
const EVERY_MS = 500;

let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

type Owners = ReadonlyMap<number, { readonly owner: string; readonly epoch: number }>;

async function ownersOf({ stores }: TestCluster): Promise<Owners> {
  const owners = new Map<number, { owner: string; epoch: number }>();
  for (let shard = 0; shard < SHARDS; shard++) {
    const { member, epoch } = await stores.executions.readFence(shard);
    if (member !== null) owners.set(shard, { owner: member, epoch });
  }
  return owners;
}

function sharesOf(owners: Owners): number[] {
  const shares = new Map<string, number>();
  for (const { owner } of owners.values()) shares.set(owner, (shares.get(owner) ?? 0) + 1);
  return [...shares.values()].sort();
}

/** Every shard led, and as evenly as it can be. */
async function balanced(running: TestCluster, members: number): Promise<Owners> {
  const fewest = Math.floor(SHARDS / members);
  return eventually(
    `${SHARDS} shards led by ${members} members`,
    async () => {
      const owners = await ownersOf(running);
      const shares = sharesOf(owners);
      const isEven = shares.length === members && shares.every((share) => share >= fewest && share <= fewest + 1);
      return owners.size === SHARDS && isEven ? owners : undefined;
    },
    { timeoutMs: 30_000, everyMs: 100 },
  );
}

/** Jobs over all shards, two fires a second each, spread over the half second. */
async function startFiring({ stores: { jobs, clusterClock } }: TestCluster): Promise<number> {
  const definition = parseJobDefinition({ target: { type: 'handler', handler: 'none' } });
  for (let i = 0; i < JOBS; i++) {
    const key = jobKeyOf('faults', `job-${i}`);
    const { job } = await jobs.putJob({ key, definition });
    const schedule = { type: 'every', everyMs: EVERY_MS, anchor: new Date(phaseOf(i)).toISOString() };
    const trigger = parseTrigger({ name: 't', schedule, overlap: 'allow' }, job).definition;
    const first = firstFire(triggerKeyOf(key, 't'), trigger, clusterClock.now());
    await jobs.putTriggers(key, [{ name: 't', definition: trigger, ...first }]);
  }
  return clusterClock.now() + 100;
}

function phaseOf(job: number): number {
  return Math.floor((job * EVERY_MS) / JOBS);
}

async function secondsPass({ stores: { executions } }: TestCluster, seconds: number): Promise<number> {
  const until = (await executions.serverTime()) + seconds * 1000;
  await eventually('time passes', async () => (await executions.serverTime()) >= until, {
    timeoutMs: seconds * 1000 + 5000,
    everyMs: 50,
  });
  return until;
}

/** Invariants: every nominal time of every job exactly once and never early. Returns the worst lateness. */
async function expectExact({ stores: { executions } }: TestCluster, from: number, until: number): Promise<number> {
  await eventually(
    'the last fires',
    async () => {
      const shards = Array.from({ length: SHARDS }, (_, shard) => executions.readDue(shard, until, 1));
      return (await Promise.all(shards)).every(({ triggers }) => triggers.length === 0);
    },
    { timeoutMs: 30_000, everyMs: 100 },
  );
  const records: Execution[] = [];
  for (let i = 0; i < JOBS; i++) {
    const own = await allExecutions(executions, 'faults', `job-${i}`);
    const report = checkFirings(own, { everyMs: EVERY_MS, from, until, phases: new Map([['t', phaseOf(i)]]) });
    expect(report, `job-${i}`).toMatchObject({ missing: [], doubled: [], unexpected: [], early: [] });
    expect(report.expected).toBeGreaterThan(0);
    records.push(...own.filter(({ nominalAt }) => nominalAt > from && nominalAt <= until));
  }
  return Math.max(...records.map(({ firedAt, dueAt }) => firedAt - dueAt));
}

describe('16 shards', { timeout: 90_000 }, () => {
  it('move no further than they must when schedulers leave, join and die, and no fire is lost, doubled or too late', async () => {
    cluster = await TestCluster.start({ schedulers: 3, shards: SHARDS, sessionTimeoutMs: SESSION_TIMEOUT_MS });
    const three = await balanced(cluster, 3);
    const from = await startFiring(cluster);
    await secondsPass(cluster, 1);

    const leftAt = await leave(cluster, three, 'SIGTERM');
    const two = await balanced(cluster, 2);
    expectMovedFrom(three, two, three.get(0)?.owner);
    expect(await expectExact(cluster, from, await secondsPass(cluster, 1))).toBeLessThanOrEqual(1000);

    await cluster.join();
    const joined = await balanced(cluster, 3);
    const taken = [...two].filter(([shard, { owner }]) => joined.get(shard)?.owner !== owner);
    expect(taken).toHaveLength(Math.floor(SHARDS / 3));
    expect(new Set(taken.map(([shard]) => joined.get(shard)?.owner)).size).toBe(1);
    for (const [shard, led] of two)
      if (!taken.some(([moved]) => moved === shard)) expect(joined.get(shard)).toEqual(led);
    expect(await expectExact(cluster, leftAt, await secondsPass(cluster, 1))).toBeLessThanOrEqual(1000);

    const killedAt = await leave(cluster, joined, 'SIGKILL');
    const last = await balanced(cluster, 2);
    expectMovedFrom(joined, last, joined.get(0)?.owner);
    const until = await secondsPass(cluster, 1);
    expect(await expectExact(cluster, killedAt, until)).toBeLessThanOrEqual(SESSION_TIMEOUT_MS + 1000);
    await expectExact(cluster, from, until);
  });
});

/** Ends the leader of shard 0; returns an instant before that. */
async function leave(running: TestCluster, owners: Owners, signal: NodeJS.Signals): Promise<number> {
  const at = await running.stores.executions.serverTime();
  const leader = await running.leaderOf(0);
  expect(owners.get(0)?.owner).toContain(`-${leader.child.pid}-`);
  await leader.end(signal);
  return at;
}

/** The shards of the member that left have others now, on greater epochs; all others are led as before. */
function expectMovedFrom(before: Owners, after: Owners, left: string | undefined): void {
  for (const [shard, { owner, epoch }] of before) {
    const now = after.get(shard);
    if (owner === left) expect(now?.epoch, `shard ${shard}`).toBeGreaterThan(epoch);
    else expect(now, `shard ${shard}`).toEqual({ owner, epoch });
  }
}
