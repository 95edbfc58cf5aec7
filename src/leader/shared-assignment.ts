import { CoordinationError } from '../domain/errors.js';
import { assignShards } from '../domain/shard-assignment.js';
import type { MemberId } from '../domain/shard.js';
import { decodeZnode, encodeZnode, ignoring } from './ephemeral-claim.js';
import type { ZnodePaths } from './znode-paths.js';
import type { ZooKeeperClient } from './zookeeper-client.js';

/** More rounds are only needed while members with different lists write at the same time. */
const ROUNDS = 5;

/**
 * The assignment that the members have agreed on last, kept in one znode. The next one departs from it as little
 * as it can, which needs a memory: from the list of members alone, leaving members drag others' shards along.
 * It is an agreement, not a lock: a wrong one costs moves, the owner znodes keep each shard with one.
 */
export class SharedAssignment {
  readonly #paths: ZnodePaths;
  readonly #shardCount: number;

  constructor(config: { readonly paths: ZnodePaths; readonly shardCount: number }) {
    this.#paths = config.paths;
    this.#shardCount = config.shardCount;
  }

  /**
   * The live members and the assignment for them; written when it differs from the stored one. The members are
   * listed after the stored assignment was read, so that nobody overwrites one that was made for a newer list;
   * the write is conditional, so that of members that write at once one succeeds and the others look again.
   * A watch is left on the znode. Shape: index = shard. Errors: `CoordinationError`.
   */
  async settle(
    client: Pick<ZooKeeperClient, 'read' | 'write' | 'createPersistent'>,
    listMembers: () => Promise<readonly MemberId[]>,
  ): Promise<{ readonly members: readonly MemberId[]; readonly assignment: readonly MemberId[] }> {
    const path = this.#paths.assignment;
    for (let round = 0; round < ROUNDS; round++) {
      const znode = await client.read(path, true);
      const members = await listMembers();
      const stored = decode(znode?.data);
      const assignment = assignShards(members, this.#shardCount, stored);
      if (znode === undefined) {
        await ignoring('CJ_ZK_NODE_EXISTS', client.createPersistent(path, encode(assignment)));
      } else if (isEqual(assignment, stored)) {
        return { members, assignment };
      } else {
        await ignoring('CJ_ZK_BAD_VERSION', client.write(path, encode(assignment), znode.version));
      }
    }
    throw new CoordinationError('CJ_ZK_BAD_VERSION', `znode ${path} does not come to rest`, { details: { path } });
  }
}

/** `members`, and for each shard the index of its member in them. */
function encode(assignment: readonly MemberId[]): Buffer {
  const members = [...new Set(assignment)];
  return encodeZnode({ members, shards: assignment.map((member) => members.indexOf(member)) });
}

/** Empty for anything that is no assignment: a znode can be written by hand, and nothing depends on it. */
function decode(data: Buffer | undefined): readonly MemberId[] {
  const { members, shards } = (data === undefined ? undefined : decodeZnode(data)) ?? {};
  if (!Array.isArray(members) || !Array.isArray(shards)) return [];
  return shards.map((index) => String(members[Number(index)]));
}

function isEqual(a: readonly MemberId[], b: readonly MemberId[]): boolean {
  return a.length === b.length && a.every((member, shard) => b[shard] === member);
}
