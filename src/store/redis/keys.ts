import { ConfigError } from '../../domain/errors.js';
import { isName } from '../../domain/limits.js';
import type { ShardId } from '../../domain/shard.js';
import type { Lane } from '../../domain/target.js';
import type { NodeRole } from '../node-registry.js';

/**
 * Every key and channel name. All keys of a shard share one hash tag, so that any script touches one slot of a
 * Redis Cluster, and there is a fixed number of them, so that every script can declare the keys it uses.
 * What each holds: `docs/redis-data-model.md`.
 */
export interface ShardKeys {
  readonly fence: string;
  readonly jobs: string;
  readonly jobNames: string;
  readonly triggers: string;
  readonly triggerNames: string;
  readonly due: string;
  readonly executions: string;
  readonly ready: string;
  readonly leases: string;
  readonly retries: string;
  readonly history: string;
  readonly expiry: string;
  readonly claims: string;
  readonly backfills: string;
}

export function shardKeysOf(cluster: string, shard: ShardId): ShardKeys {
  const prefix = `cj:{${cluster}:${shard}}`;
  return {
    fence: `${prefix}:fence`,
    jobs: `${prefix}:jobs`,
    jobNames: `${prefix}:job-names`,
    triggers: `${prefix}:triggers`,
    triggerNames: `${prefix}:trigger-names`,
    due: `${prefix}:due`,
    executions: `${prefix}:executions`,
    ready: `${prefix}:ready`,
    leases: `${prefix}:leases`,
    retries: `${prefix}:retries`,
    history: `${prefix}:history`,
    expiry: `${prefix}:expiry`,
    claims: `${prefix}:claims`,
    backfills: `${prefix}:backfills`,
  };
}

/** HASH: data format and number of shards, written once when the cluster is created. */
export function clusterMetaKey(cluster: string): string {
  return `cj:{${cluster}}:meta`;
}

/** HASH: one field per process in this role. */
export function nodesKey(cluster: string, role: NodeRole): string {
  return `cj:{${cluster}}:nodes:${role}`;
}

/** The calendars of a namespace, outside the shards: the leaders of all of them read these. */
export interface CalendarKeys {
  readonly calendars: string;
  readonly calendarBases: string;
  readonly calendarRevisions: string;
}

export function calendarKeysOf(cluster: string, namespace: string): CalendarKeys {
  return {
    calendars: `cj:{${cluster}}:calendars:${namespace}`,
    calendarBases: `cj:{${cluster}}:calendar-bases:${namespace}`,
    calendarRevisions: calendarRevisionsKey(cluster),
  };
}

/** HASH: namespace → revision of its last change; `*` → the last of all. */
export function calendarRevisionsKey(cluster: string): string {
  return `cj:{${cluster}}:calendar-revisions`;
}

/** STRING: who holds the lease of a shard, where leaders are elected without ZooKeeper. Written by redlock. */
export function leaseKey(cluster: string, shard: ShardId): string {
  return `cj:{${cluster}:${shard}}:lease`;
}

/** Prefix of the channels of lanes; a message is the number of the shard in which something was queued. */
export function readyChannelPrefix(cluster: string): string {
  return `cj:${cluster}:ready:`;
}

export function readyChannel(cluster: string, lane: Lane): string {
  return `${readyChannelPrefix(cluster)}${lane}`;
}

/** Tells the leader of a shard to look again. */
export function wakeChannel(cluster: string, shard: ShardId): string {
  return `cj:${cluster}:wake:${shard}`;
}

export function eventsChannel(cluster: string): string {
  return `cj:${cluster}:events`;
}

/** A name that would break hash tags or channel names is refused. Errors: `ConfigError`. */
export function checkClusterName(cluster: string): string {
  if (isName(cluster)) return cluster;
  throw new ConfigError(`cluster name "${cluster}" must be 1 to 128 characters out of A-Z a-z 0-9 . _ -`);
}
