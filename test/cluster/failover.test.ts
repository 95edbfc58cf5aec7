import { afterEach, describe, expect, it } from 'vitest';
import { parseJobDefinition, jobKeyOf } from '../../src/domain/job.js';
import { firstFire, parseTrigger, triggerKeyOf } from '../../src/domain/trigger.js';
import { SCRIPT_CODES } from '../../src/store/redis/script-manifest.js';
import { eventually } from '../support/wait.js';
import { TestCluster, type NodeProcess } from './cluster-harness.js';
import { allExecutions, checkFirings, type FiringReport } from './firing-log.js';

const SESSION_TIMEOUT_MS = 2000;
const TRIGGERS = 200;
const EVERY_MS = 1000;
const key = jobKeyOf('faults', 'each-second');
/** How a reply of a script begins that found a greater epoch at the fence. */
const FENCED_REPLY = `*2\r\n:${SCRIPT_CODES.FENCED}\r\n`;

let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

/** 200 triggers, each every second, spread over the second; returns from when on their nominal times count. */
async function startFiring(running: TestCluster): Promise<{ from: number; phases: Map<string, number> }> {
  const { jobs, clusterClock } = running.stores;
  const definition = parseJobDefinition({ target: { type: 'handler', handler: 'none' }, overlap: 'allow' });
  const { job } = await jobs.putJob({ key, definition });
  const phases = new Map<string, number>();
  const now = clusterClock.now();
  const writes = Array.from({ length: TRIGGERS }, (_, i) => {
    const phase = (i * EVERY_MS) / TRIGGERS;
    const schedule = { type: 'every', everyMs: EVERY_MS, anchor: new Date(phase).toISOString() };
    const { name, definition: trigger } = parseTrigger({ name: `t${i}`, schedule }, job);
    phases.set(name, phase);
    return { name, definition: trigger, ...firstFire(triggerKeyOf(key, name), trigger, now) };
  });
  await jobs.putTriggers(key, writes);
  // The clock here is an estimate: nominal times within its error are left out of the comparison.
  return { from: now + 100, phases };
}

/** Resolves when the store's clock has passed `until` and every trigger's watermark has reached it. */
async function firedThrough(running: TestCluster, until: number): Promise<void> {
  await eventually(
    `fires through ${until}`,
    async () => {
      const { triggers } = await running.stores.executions.readDue(0, until, 1);
      return (await running.stores.executions.serverTime()) > until && triggers.length === 0;
    },
    { timeoutMs: 30_000, everyMs: 100 },
  );
}

async function reportThrough(
  running: TestCluster,
  until: number,
  start: { from: number; phases: Map<string, number> },
): Promise<FiringReport> {
  await firedThrough(running, until);
  const records = await allExecutions(running.stores.executions, 'faults', 'each-second');
  return checkFirings(records, { everyMs: EVERY_MS, from: start.from, until, phases: start.phases });
}

async function secondsPass(running: TestCluster, seconds: number): Promise<number> {
  const until = (await running.stores.executions.serverTime()) + seconds * 1000;
  await eventually('time passes', async () => (await running.stores.executions.serverTime()) >= until, {
    timeoutMs: seconds * 1000 + 5000,
    everyMs: 50,
  });
  return until;
}

async function leaderOf(running: TestCluster): Promise<NodeProcess> {
  return eventually('a leader', () => running.leaderOf(0).catch(() => undefined));
}

describe('a leader that goes away under 200 fires a second', { timeout: 90_000 }, () => {
  it('by kill -9: every nominal time fires exactly once, and the gap is at most the session time-out and a second', async () => {
    cluster = await TestCluster.start({ sessionTimeoutMs: SESSION_TIMEOUT_MS });
    const leader = await leaderOf(cluster);
    const start = await startFiring(cluster);
    await secondsPass(cluster, 3);
    await leader.end('SIGKILL');
    const until = await secondsPass(cluster, 7);
    const report = await reportThrough(cluster, until, start);
    expect(await leaderOf(cluster)).not.toBe(leader);
    expect(report).toMatchObject({ missing: [], doubled: [], unexpected: [], early: [] });
    expect(report.expected).toBeGreaterThan(9 * TRIGGERS);
    expect(report.worstGapMs).toBeLessThanOrEqual(SESSION_TIMEOUT_MS + 1000);
  });

  it('by SIGTERM: the shard is handed over within a second', async () => {
    cluster = await TestCluster.start({ sessionTimeoutMs: SESSION_TIMEOUT_MS });
    const leader = await leaderOf(cluster);
    const start = await startFiring(cluster);
    await secondsPass(cluster, 2);
    await leader.end('SIGTERM');
    const until = await secondsPass(cluster, 3);
    const report = await reportThrough(cluster, until, start);
    expect(report).toMatchObject({ missing: [], doubled: [], unexpected: [], early: [] });
    expect(report.worstGapMs).toBeLessThanOrEqual(1000);
  });

  it('by SIGSTOP for three session time-outs: what it wrote before and arrives after is refused, and nothing is lost or doubled', async () => {
    cluster = await TestCluster.start({ sessionTimeoutMs: SESSION_TIMEOUT_MS, proxied: true });
    const running = cluster;
    const leader = await leaderOf(running);
    const proxy = running.proxyOf(leader);
    const start = await startFiring(running);
    await secondsPass(running, 2);
    let refused = 0;
    proxy.onReply = (reply) => {
      if (reply.toString().startsWith(FENCED_REPLY)) refused += 1;
      return 'forward';
    };
    proxy.hold('up');
    await eventually('fires on their way', () => proxy.holds(triggerKeyOf(key, 't')), { everyMs: 5 });
    leader.signal('SIGSTOP');
    const waking = secondsPass(running, (3 * SESSION_TIMEOUT_MS) / 1000);
    await eventually('another leader', async () => (await leaderOf(running)) !== leader, { timeoutMs: 10_000 });
    proxy.release();
    await eventually('a refused write', () => refused > 0);
    await waking;
    const before = leader.log.length;
    leader.signal('SIGCONT');
    await eventually('the end of its term', () =>
      leader.log.slice(before).some((line) => line.includes('"event":"term-ended"')),
    );
    const until = await secondsPass(running, 3);
    const report = await reportThrough(running, until, start);
    expect(report).toMatchObject({ missing: [], doubled: [], unexpected: [], early: [] });
    expect(report.worstGapMs).toBeLessThanOrEqual(SESSION_TIMEOUT_MS + 1000);
  });
});
