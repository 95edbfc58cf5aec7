import { setTimeout as passed } from 'node:timers/promises';
import { connect } from 'node:net';
import type { ZooKeeperServer } from '../../../scripts/servers.mjs';
import { SINGLE, type Fault, type FaultContext, type Heal } from '../fault.js';
import { SESSION_TIMEOUT_MS, type FaultSite } from '../fault-site.js';

const FAILOVER_MS = SESSION_TIMEOUT_MS + 1000;
/** A new leader of the ensemble is found within this time; that one is silent is seen after ten ticks. */
const ELECTION_MS = 2000;
const SILENCE_MS = 2000;

export const ZOOKEEPER_FAULTS: readonly Fault[] = [
  {
    name: 'zookeeper-follower-kill',
    sites: SINGLE,
    part: 'zookeeper',
    holdMs: [1000, 4000],
    boundMs: () => SESSION_TIMEOUT_MS,
    inject: async (context) => killNode(await nodeIn(context, 'follower')),
  },
  {
    name: 'zookeeper-leader-kill',
    sites: SINGLE,
    part: 'zookeeper',
    holdMs: [1000, 4000],
    boundMs: () => FAILOVER_MS + ELECTION_MS,
    inject: async (context) => killNode(await nodeIn(context, 'leader')),
  },
  {
    name: 'zookeeper-node-freeze',
    sites: SINGLE,
    part: 'zookeeper',
    holdMs: [3000, 6000],
    boundMs: () => SESSION_TIMEOUT_MS,
    inject: async (context) => freezeNodes([await nodeIn(context, 'follower')]),
  },
  {
    name: 'zookeeper-leader-freeze',
    sites: SINGLE,
    part: 'zookeeper',
    holdMs: [3000, 6000],
    boundMs: () => FAILOVER_MS + SILENCE_MS + ELECTION_MS,
    inject: async (context) => freezeNodes([await nodeIn(context, 'leader')]),
  },
  {
    name: 'zookeeper-quorum-loss',
    sites: SINGLE,
    part: 'zookeeper',
    holdMs: [1.5 * SESSION_TIMEOUT_MS, 2.5 * SESSION_TIMEOUT_MS],
    boundMs: (holdMs) => holdMs + FAILOVER_MS,
    async inject({ site, random }) {
      const two = random.shuffle(site.zookeeper.servers).slice(0, 2);
      const heal = random.chance(0.5) ? freezeNodes(two) : await killNodes(two);
      return async () => {
        await heal();
        await untilWorking(site.zookeeper.servers);
      };
    },
  },
];

async function killNode(server: ZooKeeperServer): Promise<Heal> {
  return killNodes([server]);
}

async function killNodes(servers: readonly ZooKeeperServer[]): Promise<Heal> {
  await Promise.all(servers.map((server) => server.kill()));
  return async () => void (await Promise.all(servers.map((server) => server.start())));
}

function freezeNodes(servers: readonly ZooKeeperServer[]): Heal {
  for (const server of servers) server.signal('SIGSTOP');
  return async () => {
    for (const server of servers) server.signal('SIGCONT');
    await Promise.all(servers.map((server) => server.untilServing()));
  };
}

async function nodeIn({ site, random }: FaultContext, mode: 'leader' | 'follower'): Promise<ZooKeeperServer> {
  const modes = await modesOf(site);
  return random.pick(site.zookeeper.servers.filter((_, i) => modes[i] === mode));
}

function modesOf(site: FaultSite): Promise<readonly string[]> {
  return Promise.all(site.zookeeper.servers.map((server) => modeOf(server.port)));
}

function modeOf(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('srvr'));
    let answer = '';
    socket.setTimeout(2000, () => socket.destroy());
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(/Mode: (\w+)/.exec(answer)?.[1] ?? 'silent'));
  });
}

/**
 * An ensemble of version 3.8 may come out of a standstill of two with a leader that commits nothing any more, for ever.
 * Whoever runs it restarts it then; so does this.
 */
async function untilWorking(servers: readonly ZooKeeperServer[]): Promise<void> {
  // By then somebody has asked for something.
  await passed(1000);
  try {
    await Promise.all(servers.map((server) => server.untilWorking()));
  } catch {
    await Promise.all(servers.map((server) => server.kill()));
    await Promise.all(servers.map((server) => server.start()));
  }
}
