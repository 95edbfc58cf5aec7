import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../../../scripts/servers.mjs';
import { epochOf } from '../../../src/domain/shard.js';
import type { LeadershipTerm } from '../../../src/leader/leadership-term.js';
import { RedlockElector } from '../../../src/leader/redlock-elector.js';
import { RedlockLeases } from '../../../src/leader/redlock-leases.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { eventually, RecordingProbe } from '../../support/wait.js';

const LEASE_MS = 1500;

describe('leases by redlock over three Redis servers', () => {
  const servers: RedisServer[] = [];
  const clients: Redis[] = [];
  const electors: RedlockElector[] = [];
  const cleanups: (() => void)[] = [];

  beforeAll(async () => {
    servers.push(...(await Promise.all([1, 2, 3].map(() => startRedis({ appendOnly: false })))));
    clients.push(...servers.map(({ url }) => new Redis(url, { maxRetriesPerRequest: 0, commandTimeout: 400 })));
    for (const client of clients) client.on('error', () => undefined);
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await Promise.all(servers.map((server) => server.stop()));
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) cleanup();
    await Promise.all(electors.splice(0).map((elector) => elector.stop()));
  });

  function leases(callTimeoutMs = LEASE_MS / 3, through: readonly Redis[] = clients): RedlockLeases {
    return new RedlockLeases({ clock: systemClock, clients: through }, { callTimeoutMs });
  }

  function freeze(...indexes: readonly number[]): void {
    for (const index of indexes) {
      servers[index]?.signal('SIGSTOP');
      cleanups.push(() => servers[index]?.signal('SIGCONT'));
    }
  }

  function cluster() {
    const name = randomUUID();
    const live = new Set<string>();
    const fences = new Map<number, number>();
    const latest = new Map<number, LeadershipTerm>();
    const wrong: string[] = [];
    return {
      live,
      wrong,
      async join(member: string, through: readonly Redis[] = clients): Promise<RedlockElector> {
        live.add(member);
        const elector = new RedlockElector(
          {
            clock: systemClock,
            logger: silentLogger,
            metrics: new Metrics(),
            probe: new RecordingProbe(),
            leases: leases(LEASE_MS / 3, through),
            raiseEpoch: async (shard) => {
              fences.set(shard, (fences.get(shard) ?? 0) + 1);
              return epochOf(fences.get(shard) ?? 0);
            },
            listMembers: async () => [...live],
          },
          { member, shardCount: 4, leaseName: (shard) => `${name}-${shard}`, leaseMs: LEASE_MS },
        );
        elector.onTerm((term) => {
          const before = latest.get(term.shard);
          if (before?.isTrusted() === true) wrong.push(`shard ${term.shard} led by ${before.member} and ${member}`);
          if ((before?.epoch ?? 0) >= term.epoch) wrong.push(`shard ${term.shard} epoch ${term.epoch} again`);
          latest.set(term.shard, term);
        });
        electors.push(elector);
        await elector.start();
        return elector;
      },
    };
  }

  const sizes = (...members: readonly RedlockElector[]): number[] => members.map((member) => member.terms().size);

  it('grants a name to one, extends it for its holder only and frees it on release', async () => {
    const name = randomUUID();
    const first = await leases().acquire(name, LEASE_MS);
    expect(await leases().acquire(name, LEASE_MS)).toBeUndefined();
    expect(await first?.extend(LEASE_MS)).toBe(true);
    await first?.release();
    const second = await leases().acquire(name, LEASE_MS);
    expect(await first?.extend(LEASE_MS)).toBe(false);
    expect(await second?.extend(LEASE_MS)).toBe(true);
    await second?.release();
  });

  it('goes on with one server frozen, and answers in time with two', async () => {
    freeze(0);
    const name = randomUUID();
    const lease = await leases().acquire(name, LEASE_MS);
    expect(await lease?.extend(LEASE_MS)).toBe(true);
    freeze(1);
    const startedAt = performance.now();
    await expect(leases(200).acquire(randomUUID(), LEASE_MS)).rejects.toMatchObject({ code: 'CJ_REDIS_TIMEOUT' });
    expect(performance.now() - startedAt).toBeLessThan(400);
  });

  it('gives back what was granted after it had stopped waiting', async () => {
    const name = randomUUID();
    freeze(0, 1, 2);
    await expect(leases(50).acquire(name, 60_000)).rejects.toMatchObject({ code: 'CJ_REDIS_TIMEOUT' });
    for (const server of servers) server.signal('SIGCONT');
    await eventually('the name is free', async () => {
      const found = await Promise.all(clients.map((client) => client.exists(name)));
      return found.every((count) => count === 0);
    });
    const again = await eventually('the name can be had', () => leases().acquire(name, LEASE_MS));
    await again.release();
  });

  it('refuses an even number of servers, on which redlock would wait for ever after a tie', () => {
    expect(
      () => new RedlockLeases({ clock: systemClock, clients: clients.slice(0, 2) }, { callTimeoutMs: 100 }),
    ).toThrow(expect.objectContaining({ code: 'CJ_CONFIG_INVALID' }));
  });

  it('elects one leader for each shard and hands over on stop', async () => {
    const { join, live, wrong } = cluster();
    const a = await join('a');
    await eventually('a leads', () => a.terms().size === 4);
    const b = await join('b');
    await eventually('balance', () => sizes(a, b).join() === '2,2');

    live.delete('a');
    const stoppedAt = performance.now();
    await a.stop();
    await eventually('b leads', () => b.terms().size === 4);
    expect(performance.now() - stoppedAt).toBeLessThan(2500);
    expect(wrong).toEqual([]);
  });

  it('fails over when the leases of a member that is cut off have ended', async () => {
    const { join, live, wrong } = cluster();
    const own = clients.map((client) => client.duplicate().on('error', () => undefined));
    const a = await join('a', own);
    await eventually('a leads', () => a.terms().size === 4);
    const b = await join('b');
    await eventually('balance', () => sizes(a, b).join() === '2,2');
    for (const client of own) client.disconnect();
    live.delete('a');
    const cutAt = performance.now();
    await eventually('b leads', () => b.terms().size === 4);
    expect(performance.now() - cutAt).toBeGreaterThan(LEASE_MS / 2);
    expect(a.terms().size).toBe(0);
    expect(wrong).toEqual([]);
  });

  it('ends its terms within 2/3 of the lease when no majority answers, and leads again afterwards', async () => {
    const { join, wrong } = cluster();
    const a = await join('a');
    await eventually('a leads', () => a.terms().size === 4);
    freeze(0, 1);
    const frozenAt = performance.now();
    await eventually('no terms', () => a.terms().size === 0, { everyMs: 5 });
    expect(performance.now() - frozenAt).toBeLessThan((LEASE_MS * 2) / 3 + 150);
    for (const cleanup of cleanups.splice(0)) cleanup();
    await eventually('a leads again', () => a.terms().size === 4);
    expect(wrong).toEqual([]);
  });
});
