import type { NetworkNamespace } from '../../support/network-namespace.js';
import type { Direction } from '../../support/zk-proxy.js';
import { SINGLE, type Fault, type Heal } from '../fault.js';
import { SESSION_TIMEOUT_MS } from '../fault-site.js';
import type { Member } from '../member.js';

const BOTH: readonly Direction[] = ['up', 'down'];
const FAILOVER_MS = SESSION_TIMEOUT_MS + 1000;
/** A network or connection that is whole again is in use again within this time. */
const RETURN_MS = 1000;
const afterHold = (holdMs: number): number => holdMs + RETURN_MS;
/** Without Redis a leader waits for the time-out of one command, then steps down; others are not without leader for long. */
const withoutRedis = (holdMs: number): number => Math.min(5000 + 2000, afterHold(holdMs));
const failover = (): number => FAILOVER_MS;

function silenceZooKeeper(member: Member, directions: readonly Direction[] = BOTH): Heal {
  member.note(`does not hear ZooKeeper: ${directions.join(' and ')}`);
  for (const proxy of member.zkProxies) proxy.hold(...directions);
  return async () => {
    member.note('hears ZooKeeper again');
    // Connections that stood still that long are gone in real networks too, sooner or later.
    for (const proxy of member.zkProxies) proxy.release();
  };
}

function silenceRedis(member: Member, directions: readonly Direction[] = BOTH): Heal {
  member.note(`does not hear Redis: ${directions.join(' and ')}`);
  member.redisProxy?.hold(...directions);
  return async () => {
    member.note('hears Redis again');
    member.redisProxy?.release();
  };
}

/** Calls `on` and `off` in turn until healed. */
function flap(pauseMs: () => number, on: () => void, off: () => void): Heal {
  let isOn = false;
  let timer: NodeJS.Timeout;
  const next = (): void => {
    isOn = !isOn;
    if (isOn) on();
    else off();
    timer = setTimeout(next, pauseMs());
  };
  next();
  return async () => {
    clearTimeout(timer);
    off();
  };
}

/**
 * Everything to and from a whole host is lost: TCP has to notice, and to come back, by itself. Proxies, where hosts are not
 * to be had, do what they can.
 */
async function cutHost(member: Member, how: 'lose' | 'unplug'): Promise<Heal> {
  if (member.spec.host === undefined) {
    const heals = [silenceZooKeeper(member), silenceRedis(member)];
    return async () => void (await Promise.all(heals.map((heal) => heal())));
  }
  if (how === 'lose') return loseHost(member);
  member.note('its host is unplugged');
  await member.spec.host.unplug();
  return () => healHost(member);
}

async function loseHost(member: Member, directions: readonly Direction[] = BOTH): Promise<Heal> {
  member.note(`its host loses ${directions.join(' and ')}`);
  await hostOf(member).lose(...directions);
  return () => healHost(member);
}

async function healHost(member: Member): Promise<void> {
  await hostOf(member).heal();
  member.note('its host is whole again');
}

function hostOf(member: Member): NetworkNamespace {
  const { host } = member.spec;
  if (host === undefined) throw new Error(`${member.name} has no host of its own`);
  return host;
}

export const NETWORK_FAULTS: readonly Fault[] = [
  {
    name: 'cut-zookeeper',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [1.5 * SESSION_TIMEOUT_MS, 3 * SESSION_TIMEOUT_MS],
    boundMs: failover,
    inject: async ({ scheduler }) => silenceZooKeeper(scheduler),
  },
  {
    name: 'cut-redis',
    sites: SINGLE,
    part: 'scheduler',
    // Beyond the time after which a leader that Redis does not answer gives its shards up.
    holdMs: [4000, 11_000],
    boundMs: withoutRedis,
    inject: async ({ scheduler }) => silenceRedis(scheduler),
  },
  {
    name: 'refuse-redis',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [2000, 5000],
    boundMs: withoutRedis,
    async inject({ scheduler }) {
      scheduler.note('is refused by Redis');
      scheduler.redisProxy?.refuse();
      return async () => scheduler.redisProxy?.release();
    },
  },
  {
    name: 'cut-host',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [1.5 * SESSION_TIMEOUT_MS, 4 * SESSION_TIMEOUT_MS],
    boundMs: failover,
    inject: ({ scheduler, random }) => cutHost(scheduler, random.chance(0.5) ? 'unplug' : 'lose'),
  },
  {
    name: 'asymmetric-zookeeper',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [2 * SESSION_TIMEOUT_MS, 4 * SESSION_TIMEOUT_MS],
    // Its last handshake, after T/2, still prolongs the session.
    boundMs: () => FAILOVER_MS + SESSION_TIMEOUT_MS / 2,
    inject: async ({ scheduler, random }) => silenceZooKeeper(scheduler, [random.pick(BOTH)]),
  },
  {
    name: 'asymmetric-redis',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [3000, 7000],
    boundMs: withoutRedis,
    inject: async ({ scheduler, random }) => silenceRedis(scheduler, [random.pick(BOTH)]),
  },
  {
    name: 'flapping-zookeeper',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [4000, 6000],
    boundMs: afterHold,
    async inject({ scheduler, random }) {
      return flap(
        () => random.between(500, 2000),
        () => scheduler.zkProxies.forEach((proxy) => proxy.hold(...BOTH)),
        () => scheduler.zkProxies.forEach((proxy) => proxy.release()),
      );
    },
  },
  {
    name: 'flapping-redis',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [4000, 6000],
    boundMs: afterHold,
    async inject({ scheduler, random }) {
      const isSilent = random.chance(0.5);
      return flap(
        () => random.between(300, 1500),
        () => (isSilent ? scheduler.redisProxy?.hold(...BOTH) : scheduler.redisProxy?.refuse()),
        () => scheduler.redisProxy?.release(),
      );
    },
  },
  {
    name: 'worker-cut-redis',
    sites: SINGLE,
    part: 'worker',
    holdMs: [2000, 6000],
    boundMs: () => 0,
    inject: async ({ worker, random }) => silenceRedis(worker, random.pick([BOTH, ['up'], ['down']])),
  },
  {
    name: 'api-cut-redis',
    sites: SINGLE,
    part: 'api',
    holdMs: [1000, 6000],
    boundMs: () => 0,
    inject: async ({ site, random }) => silenceRedis(site.api, random.pick([BOTH, ['up'], ['down']])),
  },
  {
    name: 'zookeeper-mid-frame',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [2000, 4000],
    boundMs: afterHold,
    async inject({ scheduler, random }) {
      scheduler.note('has frames of ZooKeeper torn');
      for (const proxy of scheduler.zkProxies) {
        proxy.onFrame = (frame) =>
          frame.direction === 'down' && random.chance(0.3) ? random.between(0, frame.size - 1) : 'forward';
      }
      return async () => {
        for (const proxy of scheduler.zkProxies) {
          proxy.onFrame = () => 'forward';
          proxy.frames.length = 0;
        }
      };
    },
  },
  {
    name: 'asymmetric-host',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [3000, 8000],
    // As with `asymmetric-zookeeper`.
    boundMs: () => FAILOVER_MS + SESSION_TIMEOUT_MS / 2,
    needsHosts: true,
    inject: async ({ scheduler, random }) => loseHost(scheduler, [random.pick(BOTH)]),
  },
  {
    name: 'flapping-host',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [4000, 8000],
    boundMs: afterHold,
    needsHosts: true,
    async inject({ scheduler, random }) {
      scheduler.note('its host flaps');
      const host = hostOf(scheduler);
      let last = Promise.resolve();
      const then = (change: () => Promise<void>) => (): void => void (last = last.then(change));
      const heal = flap(
        () => random.between(500, 3000),
        then(() => host.lose(...BOTH)),
        then(() => host.heal()),
      );
      return async () => {
        await heal();
        await last;
      };
    },
  },
  {
    name: 'worker-cut-host',
    sites: SINGLE,
    part: 'worker',
    holdMs: [2000, 6000],
    boundMs: () => 0,
    needsHosts: true,
    inject: async ({ worker }) => loseHost(worker),
  },
];
