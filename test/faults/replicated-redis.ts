import { Cluster, Redis } from 'ioredis';
import {
  startRedisCluster,
  startSentinel,
  type RedisClusterTopology,
  type SentinelTopology,
} from '../support/redis-topologies.js';
import type { RedisSite } from './fault-site.js';

export interface SentinelSite extends RedisSite {
  readonly kind: 'sentinel';
  readonly topology: SentinelTopology;
}

export interface ClusterSite extends RedisSite {
  readonly kind: 'cluster';
  readonly topology: RedisClusterTopology;
}

const CLIENT_OPTIONS = { maxRetriesPerRequest: null, enableReadyCheck: true } as const;

export async function sentinelRedis(): Promise<SentinelSite> {
  const topology = await startSentinel({ replicas: 2 });
  const sentinels = topology.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  const client = new Redis({ ...CLIENT_OPTIONS, sentinels, name: topology.masterName, failoverDetector: true });
  client.on('error', () => undefined);
  let isStopped = false;
  // It gives up for good when it hears of a failover while it asks for the master.
  client.on('end', () => {
    if (!isStopped) setTimeout(() => void client.connect().catch(() => undefined), 100);
  });
  return {
    kind: 'sentinel',
    topology,
    client,
    servers: topology.nodes,
    proxiedPort: null,
    url: topology.url,
    async stop() {
      isStopped = true;
      client.disconnect();
      await topology.stop();
    },
  };
}

export async function clusterRedis(): Promise<ClusterSite> {
  const topology = await startRedisCluster();
  const nodes = topology.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  const client = new Cluster(nodes, { retryDelayOnClusterDown: 200, maxRedirections: 100 });
  client.on('error', () => undefined);
  return {
    kind: 'cluster',
    topology,
    client,
    servers: topology.nodes,
    proxiedPort: null,
    url: topology.url,
    async stop() {
      client.disconnect();
      await topology.stop();
    },
  };
}
