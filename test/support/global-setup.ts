import type {} from 'vitest';
import type { TestProject } from 'vitest/node';
import { missingPackages, startRedis, startZooKeeper } from '../../scripts/servers.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    redisUrl: string;
    zookeeper: string;
  }
}

/**
 * Gives every test file the address of one shared Redis and one shared ZooKeeper: those named by
 * CLOUDJOB_TEST_REDIS and CLOUDJOB_TEST_ZOOKEEPER, otherwise own ones on free loopback ports. Tests keep
 * apart by cluster name. A test that stops or freezes a server starts its own.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = { redis: process.env['CLOUDJOB_TEST_REDIS'], zookeeper: process.env['CLOUDJOB_TEST_ZOOKEEPER'] };
  const missing = missingPackages({ redis: given.redis === undefined, zookeeper: given.zookeeper === undefined });
  if (missing.length > 0) {
    throw new Error(`real servers are needed: apt-get install --no-install-recommends ${missing.join(' ')}`);
  }
  const redis = given.redis === undefined ? await startRedis() : undefined;
  const ensemble = given.zookeeper === undefined ? await startZooKeeper() : undefined;
  project.provide('redisUrl', given.redis ?? redis?.url ?? '');
  project.provide('zookeeper', given.zookeeper ?? ensemble?.connectString ?? '');
  return async () => {
    await Promise.all([redis?.stop(), ensemble?.stop()]);
  };
}
