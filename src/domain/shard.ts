declare const epochBrand: unique symbol;

/** Index of a fixed slice of the jobs, 0-based, below the cluster's shard count. */
export type ShardId = number;

/** Number of one leadership of one shard; grows with every new term and is sent as the fencing token. */
export type Epoch = number & { readonly [epochBrand]: true };

/** Name of a live scheduler process, unique among the members of a cluster. */
export type MemberId = string;

export function epochOf(value: number): Epoch {
  return value as Epoch;
}

export const DEFAULT_SHARD_COUNT = 16;
export const MAX_SHARD_COUNT = 1024;

/** 32-bit FNV-1a over UTF-16 code units: the placement hash. Changing it would move every job; never change it. */
export function placementHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** The shard in which a job and its triggers live. Total, stable, even over many keys. */
export function shardOfJob(jobKey: string, shardCount: number): ShardId {
  return placementHash(jobKey) % shardCount;
}
