import { EVERYWHERE, type Fault, type Heal } from '../fault.js';
import { SESSION_TIMEOUT_MS } from '../fault-site.js';
import type { Member } from '../member.js';

const FAILOVER_MS = SESSION_TIMEOUT_MS + 1000;
const failover = (): number => FAILOVER_MS;
const none = (): number => 0;

async function kill(member: Member, signal: NodeJS.Signals = 'SIGKILL'): Promise<Heal> {
  await member.end(signal);
  return () => member.start();
}

function freeze(member: Member): Promise<Heal> {
  member.signal('SIGSTOP');
  return Promise.resolve(async () => member.signal('SIGCONT'));
}

export const PROCESS_FAULTS: readonly Fault[] = [
  {
    name: 'scheduler-kill',
    sites: EVERYWHERE,
    part: 'scheduler',
    holdMs: [1000, 4000],
    boundMs: failover,
    inject: ({ scheduler }) => kill(scheduler),
  },
  {
    name: 'scheduler-sigterm',
    sites: EVERYWHERE,
    part: 'scheduler',
    holdMs: [500, 1500],
    boundMs: () => 1000,
    inject: ({ scheduler }) => kill(scheduler, 'SIGTERM'),
  },
  {
    name: 'scheduler-freeze',
    sites: EVERYWHERE,
    part: 'scheduler',
    holdMs: [2 * SESSION_TIMEOUT_MS, 3 * SESSION_TIMEOUT_MS],
    boundMs: failover,
    inject: ({ scheduler }) => freeze(scheduler),
  },
  {
    name: 'scheduler-short-freeze',
    sites: EVERYWHERE,
    part: 'scheduler',
    holdMs: [500, SESSION_TIMEOUT_MS],
    boundMs: failover,
    inject: ({ scheduler }) => freeze(scheduler),
  },
  {
    name: 'scheduler-blocked-loop',
    sites: EVERYWHERE,
    part: 'scheduler',
    holdMs: [SESSION_TIMEOUT_MS, 2 * SESSION_TIMEOUT_MS],
    boundMs: failover,
    async inject({ scheduler, holdMs }) {
      scheduler.block(holdMs);
      return async () => undefined;
    },
  },
  {
    name: 'scheduler-clock-jump',
    sites: EVERYWHERE,
    part: 'scheduler',
    holdMs: [1000, 4000],
    boundMs: () => 1000,
    async inject({ scheduler, random }) {
      scheduler.shiftClock(random.pick([-3_600_000, -10_000, -900, 900, 10_000, 7_200_000]));
      return async () => scheduler.shiftClock(0);
    },
  },
  {
    name: 'worker-clock-jump',
    sites: EVERYWHERE,
    part: 'worker',
    holdMs: [1000, 3000],
    boundMs: none,
    async inject({ worker, random }) {
      worker.shiftClock(random.pick([-3_600_000, -10_000, 10_000, 7_200_000]));
      return async () => worker.shiftClock(0);
    },
  },
  {
    name: 'api-clock-jump',
    sites: EVERYWHERE,
    part: 'api',
    holdMs: [1000, 3000],
    boundMs: none,
    async inject({ site, random }) {
      site.api.shiftClock(random.pick([-3_600_000, -10_000, 10_000, 7_200_000]));
      return async () => site.api.shiftClock(0);
    },
  },
  {
    name: 'worker-kill',
    sites: EVERYWHERE,
    part: 'worker',
    holdMs: [500, 3000],
    boundMs: none,
    inject: ({ worker }) => kill(worker),
  },
  {
    name: 'worker-sigterm',
    sites: EVERYWHERE,
    part: 'worker',
    holdMs: [0, 500],
    boundMs: none,
    inject: ({ worker }) => kill(worker, 'SIGTERM'),
  },
  {
    name: 'worker-freeze',
    sites: EVERYWHERE,
    part: 'worker',
    holdMs: [3500, 6000],
    boundMs: none,
    inject: ({ worker }) => freeze(worker),
  },
  {
    name: 'api-kill',
    sites: EVERYWHERE,
    part: 'api',
    holdMs: [200, 1500],
    boundMs: none,
    inject: ({ site }) => kill(site.api),
  },
];
