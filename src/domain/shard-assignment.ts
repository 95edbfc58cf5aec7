import { placementHash, type MemberId, type ShardId } from './shard.js';

interface Pair {
  readonly weight: number;
  readonly member: MemberId;
  readonly shard: ShardId;
}

/**
 * Which member leads which shard: bounded rendezvous hashing that keeps what it can of `previous`. Every pair of
 * member and shard has a fixed weight; pairs are taken from the heaviest down, those of `previous` first,
 * each shard once, each member up to its even share. The members that held most may hold the one more that
 * is left when the shares do not come out even.
 *
 * *Guarantees:* the same members in any order, with the same `previous`, give the same answer; every shard has a
 * member; no member has more than one shard more than another. From a balanced `previous` only those shards
 * move that must: all of a member that left, and a newcomer's share. Without `previous` (nobody remembers) a
 * little more moves: 5.8 of 16 shards against 5.3 from two members to three, 4.2 against 3.2 from four to five.
 *
 * *Shape:* index = shard, also of `previous`. Empty when there are no members.
 */
export function assignShards(
  members: readonly MemberId[],
  shardCount: number,
  previous: readonly MemberId[] = [],
): readonly MemberId[] {
  const names = [...new Set(members)];
  if (names.length === 0) return [];
  const pairs = heaviestFirst(names, shardCount);
  const isKept = ({ member, shard }: Pair): boolean => previous[shard] === member;
  const shares = sharesOf(names, shardCount, previous);
  const assignment = new Array<MemberId>(shardCount);
  for (const { member, shard } of [...pairs.filter(isKept), ...pairs.filter((pair) => !isKept(pair))]) {
    const share = shares.get(member) ?? 0;
    if (assignment[shard] !== undefined || share === 0) continue;
    shares.set(member, share - 1);
    assignment[shard] = member;
  }
  return assignment;
}

/** How many shards each member gets: one more for those that had most. */
function sharesOf(
  names: readonly MemberId[],
  shardCount: number,
  previous: readonly MemberId[],
): Map<MemberId, number> {
  const share = Math.floor(shardCount / names.length);
  const withOneMore = shardCount % names.length;
  const held = new Map(names.map((member) => [member, previous.filter((owner) => owner === member).length]));
  const heldBy = (member: MemberId): number => held.get(member) ?? 0;
  const ranked = [...names].sort(
    (a, b) => heldBy(b) - heldBy(a) || placementHash(a) - placementHash(b) || (a < b ? -1 : 1),
  );
  return new Map(ranked.map((member, rank) => [member, rank < withOneMore ? share + 1 : share]));
}

function heaviestFirst(members: readonly MemberId[], shardCount: number): Pair[] {
  const pairs: Pair[] = [];
  for (const member of members) {
    const seed = placementHash(member);
    for (let shard = 0; shard < shardCount; shard++) pairs.push({ weight: weigh(seed, shard), member, shard });
  }
  return pairs.sort((a, b) => b.weight - a.weight || (a.member < b.member ? -1 : 1));
}

/** Spreads the bits of both numbers over 32 bits: FNV alone leaves neighbours close together. */
function weigh(memberHash: number, shard: ShardId): number {
  return scramble(memberHash ^ scramble(shard + 0x9e3779b9));
}

function scramble(value: number): number {
  let hash = value >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
