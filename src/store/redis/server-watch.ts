import type { Cluster } from 'ioredis';
import type { RedisClient } from './redis-clients.js';

/** The servers before and after: run ids, or the masters of a Redis Cluster that were none before. */
export interface ServerChange {
  readonly from: string;
  readonly to: string;
}

/**
 * Tells when another server answers than before: one that was started again, or a replica that was promoted. What
 * the one before acknowledged in its last moments may be lost then, and nothing in Redis says whether it is.
 */
export function watchServers(client: RedisClient, onChanged: (change: ServerChange) => void): void {
  if (client.isCluster) watchMasters(client as Cluster, onChanged);
  else watchRunId(client, onChanged);
}

function watchRunId(client: RedisClient, onChanged: (change: ServerChange) => void): void {
  let known: string | undefined;
  const see = (info: unknown): void => {
    const found = /^run_id:(\w+)/m.exec(String(info))?.[1];
    if (found === undefined) return;
    if (known !== undefined && known !== found) onChanged({ from: known, to: found });
    known = found;
  };
  // An answer that stays away breaks the connection, and the next one asks anew.
  client.on('ready', () => void client.call('INFO', ['server']).then(see, () => undefined));
}

function watchMasters(cluster: Cluster, onChanged: (change: ServerChange) => void): void {
  let known: readonly string[] = [];
  cluster.on('refresh', () => {
    const found = cluster.nodes('master').map(({ options: { host, port } }) => `${host}:${port}`);
    const promoted = found.filter((name) => !known.includes(name));
    const gone = known.filter((name) => !found.includes(name));
    if (known.length > 0 && promoted.length > 0) onChanged({ from: gone.join(), to: promoted.join() });
    if (found.length > 0) known = found;
  });
}
