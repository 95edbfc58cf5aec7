import { setTimeout as passed } from 'node:timers/promises';
import { ask, type RedisClusterTopology, type SentinelTopology } from '../../support/redis-topologies.js';
import type { Fault, FaultContext } from '../fault.js';
import { SHARDS } from '../fault-site.js';
import type { ClusterSite, SentinelSite } from '../replicated-redis.js';

/** Until a master that is gone is given up, another one is the master, and everybody has found it. */
const FAILOVER_MS = 6000;
/** The same when the master is asked to make way. */
const HANDOVER_MS = 4000;
const failover = (): number => FAILOVER_MS;

function sentinelOf({ site }: FaultContext): SentinelTopology {
  return (site.redis as SentinelSite).topology;
}

function clusterOf({ site }: FaultContext): RedisClusterTopology {
  return (site.redis as ClusterSite).topology;
}

export const FAILOVER_FAULTS: readonly Fault[] = [
  {
    name: 'sentinel-failover',
    sites: ['sentinel'],
    part: 'redis',
    holdMs: [1000, 2000],
    boundMs: () => HANDOVER_MS,
    mayLose: true,
    async inject(context) {
      await sentinelOf(context).failover();
      return async () => undefined;
    },
  },
  {
    name: 'sentinel-master-kill',
    sites: ['sentinel'],
    part: 'redis',
    holdMs: [1000, 2000],
    boundMs: failover,
    mayLose: true,
    async inject(context) {
      const topology = sentinelOf(context);
      const master = await topology.master();
      await topology.kill(master);
      return async () => {
        await topology.masterAfter(master);
        await master.start();
      };
    },
  },
  {
    name: 'sentinel-master-freeze',
    sites: ['sentinel'],
    part: 'redis',
    holdMs: [3000, 5000],
    boundMs: failover,
    mayLose: true,
    async inject(context) {
      const topology = sentinelOf(context);
      const master = await topology.master();
      topology.pause(master);
      return async () => {
        await topology.masterAfter(master);
        topology.resume(master);
      };
    },
  },
  {
    name: 'sentinel-failover-with-lag',
    sites: ['sentinel'],
    part: 'redis',
    holdMs: [1000, 2000],
    boundMs: (holdMs) => FAILOVER_MS + holdMs,
    mayLose: true,
    async inject(context) {
      const topology = sentinelOf(context);
      const master = await topology.master();
      const replicas = await topology.replicas();
      for (const replica of replicas) topology.pause(replica);
      // What is written meanwhile is acknowledged, and known to the master alone.
      await passed(context.random.between(300, 1500));
      await topology.kill(master);
      for (const replica of replicas) topology.resume(replica);
      return async () => {
        await topology.masterAfter(master);
        await master.start();
      };
    },
  },
  {
    name: 'cluster-master-kill',
    sites: ['cluster'],
    part: 'redis',
    holdMs: [2000, 4000],
    boundMs: failover,
    mayLose: true,
    async inject(context) {
      const topology = clusterOf(context);
      const master = context.random.pick(await topology.masters());
      await topology.kill(master);
      return async () => {
        await topology.untilOk();
        await master.start();
        await topology.untilOk();
      };
    },
  },
  {
    name: 'cluster-master-freeze',
    sites: ['cluster'],
    part: 'redis',
    holdMs: [3000, 6000],
    boundMs: failover,
    mayLose: true,
    async inject(context) {
      const topology = clusterOf(context);
      const master = context.random.pick(await topology.masters());
      topology.pause(master);
      return async () => {
        topology.resume(master);
        await topology.untilOk();
      };
    },
  },
  {
    name: 'cluster-failover',
    sites: ['cluster'],
    part: 'redis',
    holdMs: [500, 1500],
    boundMs: () => HANDOVER_MS,
    async inject(context) {
      const topology = clusterOf(context);
      await topology.failover(context.random.pick(await topology.masters()));
      return async () => undefined;
    },
  },
  {
    name: 'cluster-slot-move',
    sites: ['cluster'],
    part: 'redis',
    holdMs: [500, 1500],
    // While its slot is on the way, no script of the shard runs.
    boundMs: (holdMs) => Math.max(3000, holdMs + 1000),
    async inject(context) {
      const topology = clusterOf(context);
      const { random, site } = context;
      const slot = await topology.slotOf(`cj:{${site.cluster}:${random.between(0, SHARDS - 1)}}:fence`);
      const from = await topology.ownerOf(slot);
      const to = random.pick((await topology.masters()).filter((node) => node !== from));
      const move = await topology.beginSlotMove(slot, to);
      await topology.moveKeys(slot, from, to, random.between(1, 6));
      await ask(to, 'PING');
      return () => move.finish();
    },
  },
];
