import { EVERYWHERE, SINGLE, type Fault, type Heal } from '../fault.js';
import type { FaultSite } from '../fault-site.js';
import type { RedisServer } from '../../../scripts/servers.mjs';
import type { RedisProxy } from '../../support/redis-proxy.js';

/** From the return of Redis to the first fire: reconnect, load, read what is due. */
const RETURN_MS = 1500;
const afterHold = (holdMs: number): number => holdMs + RETURN_MS;

function serverOf(site: FaultSite): RedisServer {
  const [server] = site.redis.servers;
  if (server === undefined) throw new Error('no Redis server');
  return server;
}

function proxiesOf(site: FaultSite): readonly RedisProxy[] {
  return site.members.flatMap((member) => (member.redisProxy === undefined ? [] : [member.redisProxy]));
}

/**
 * With `everysec`, Redis holds back even the writing of its file for up to two seconds while a sync is slow, and a kill
 * then loses what it had acknowledged. Not what is to be tested here: with `always` nothing is acknowledged unwritten.
 */
async function killAfterWriting(site: FaultSite): Promise<void> {
  const { client } = site.redis;
  await client.call('CONFIG', 'SET', 'appendfsync', 'always');
  await client.ping();
  await serverOf(site).kill();
}

function freeze(server: RedisServer): Heal {
  server.signal('SIGSTOP');
  return async () => server.signal('SIGCONT');
}

export const REDIS_FAULTS: readonly Fault[] = [
  {
    name: 'redis-kill',
    sites: SINGLE,
    part: 'redis',
    holdMs: [100, 2500],
    boundMs: afterHold,
    async inject({ site }) {
      await killAfterWriting(site);
      return () => serverOf(site).start();
    },
  },
  {
    name: 'redis-freeze',
    sites: SINGLE,
    part: 'redis',
    holdMs: [5000, 8000],
    boundMs: afterHold,
    inject: async ({ site }) => freeze(serverOf(site)),
  },
  {
    name: 'redis-freeze-long',
    sites: SINGLE,
    part: 'redis',
    holdMs: [20_000, 30_000],
    boundMs: afterHold,
    inject: async ({ site }) => freeze(serverOf(site)),
  },
  {
    name: 'redis-slow',
    sites: SINGLE,
    part: 'redis',
    holdMs: [3000, 5000],
    // With another fault: who takes a shard over needs some answers one after the other, and each takes up to two seconds.
    boundMs: (holdMs) => Math.max(4000, holdMs),
    async inject({ site, random }) {
      const least = random.pick([20, 200]);
      for (const proxy of proxiesOf(site)) proxy.delayMs = () => random.between(least, least * 5);
      return async () => {
        for (const proxy of proxiesOf(site)) proxy.delayMs = () => 0;
      };
    },
  },
  {
    name: 'redis-swallowed-replies',
    sites: SINGLE,
    part: 'redis',
    holdMs: [3000, 5000],
    boundMs: (holdMs) => holdMs + 1000,
    async inject({ site, random }) {
      for (const proxy of proxiesOf(site)) proxy.onReply = () => (random.chance(0.03) ? 'swallow' : 'forward');
      return async () => {
        for (const proxy of proxiesOf(site)) proxy.onReply = () => 'forward';
      };
    },
  },
  {
    name: 'redis-torn-replies',
    sites: SINGLE,
    part: 'redis',
    holdMs: [3000, 5000],
    boundMs: (holdMs) => holdMs + 1000,
    async inject({ site, random }) {
      for (const proxy of proxiesOf(site)) {
        proxy.onReply = ({ length }) => (random.chance(0.03) ? random.between(0, length - 1) : 'forward');
      }
      return async () => {
        for (const proxy of proxiesOf(site)) proxy.onReply = () => 'forward';
      };
    },
  },
  {
    name: 'redis-script-flush',
    sites: EVERYWHERE,
    part: 'redis',
    holdMs: [1000, 2000],
    boundMs: () => 500,
    async inject({ site, random }) {
      const { client } = site.redis;
      const flush = (): void => {
        const nodes = 'nodes' in client ? client.nodes('master') : [client];
        for (const node of nodes) void node.call('SCRIPT', 'FLUSH').catch(() => undefined);
      };
      flush();
      const timer = setInterval(flush, random.between(100, 500));
      return async () => clearInterval(timer);
    },
  },
  {
    name: 'redis-maxmemory',
    sites: SINGLE,
    part: 'redis',
    holdMs: [1000, 3000],
    boundMs: afterHold,
    async inject({ site }) {
      await site.redis.client.call('CONFIG', 'SET', 'maxmemory', '1000000');
      return async () => void (await site.redis.client.call('CONFIG', 'SET', 'maxmemory', '0'));
    },
  },
  {
    name: 'power-off',
    sites: SINGLE,
    part: 'redis',
    holdMs: [200, 1500],
    boundMs: (holdMs) => holdMs + 3000,
    async inject({ site }) {
      const server = serverOf(site);
      await Promise.all([killAfterWriting(site), ...site.members.map((member) => member.end())]);
      return async () => {
        await server.start();
        // One that another fault cuts off could not start.
        return async () => void (await Promise.all(site.members.map((member) => member.start())));
      };
    },
  },
];
