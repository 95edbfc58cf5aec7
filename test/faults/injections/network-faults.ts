import type { Direction } from '../../support/zk-proxy.js';
import { SINGLE, type Fault, type Heal } from '../fault.js';
import { SESSION_TIMEOUT_MS } from '../fault-site.js';
import type { Member } from '../member.js';

const BOTH: readonly Direction[] = ['up', 'down'];
const FAILOVER_MS = SESSION_TIMEOUT_MS + 1000;
/** Without Redis a leader waits for the time-out of one command before it steps down. */
const REDIS_CUT_MS = 6000 + FAILOVER_MS;
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
    holdMs: [3000, 7000],
    boundMs: (holdMs) => Math.min(REDIS_CUT_MS, holdMs + 3000),
    inject: async ({ scheduler }) => silenceRedis(scheduler),
  },
  {
    name: 'refuse-redis',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [2000, 5000],
    boundMs: (holdMs) => Math.min(REDIS_CUT_MS, holdMs + 3000),
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
    holdMs: [1.5 * SESSION_TIMEOUT_MS, 3 * SESSION_TIMEOUT_MS],
    boundMs: failover,
    async inject({ scheduler }) {
      const heals = [silenceZooKeeper(scheduler), silenceRedis(scheduler)];
      return async () => void (await Promise.all(heals.map((heal) => heal())));
    },
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
    boundMs: (holdMs) => Math.min(REDIS_CUT_MS, holdMs + 3000),
    inject: async ({ scheduler, random }) => silenceRedis(scheduler, [random.pick(BOTH)]),
  },
  {
    name: 'flapping-zookeeper',
    sites: SINGLE,
    part: 'scheduler',
    holdMs: [4000, 6000],
    boundMs: (holdMs) => holdMs + FAILOVER_MS,
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
    boundMs: (holdMs) => holdMs + FAILOVER_MS,
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
    boundMs: (holdMs) => holdMs + FAILOVER_MS,
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
];
