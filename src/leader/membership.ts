import type { JsonObject } from '../domain/json.js';
import type { MemberId } from '../domain/shard.js';
import type { Logger } from '../runtime/logger.js';
import { claimEphemeral, decodeZnode, releaseEphemeral, type Claimant } from './ephemeral-claim.js';
import type { ZnodePaths } from './znode-paths.js';
import type { ZooKeeperClient } from './zookeeper-client.js';

/** A live scheduler as it described itself when it started. */
export interface SchedulerMember {
  readonly member: MemberId;
  readonly facts: JsonObject;
}

export interface MembershipConfig {
  readonly paths: ZnodePaths;
  readonly claimant: Claimant;
  /** Slow-changing facts for people: host, pid, version, `tz` (release of the time zone data). */
  readonly facts: JsonObject;
}

/** This member's znode among the schedulers, and the list of all of them. */
export class Membership {
  readonly #logger: Logger;
  readonly #config: MembershipConfig;
  #known: ReadonlyMap<MemberId, JsonObject> = new Map();

  constructor(deps: { readonly logger: Logger }, config: MembershipConfig) {
    this.#logger = deps.logger;
    this.#config = config;
  }

  /** As last listed, by name. */
  get members(): readonly SchedulerMember[] {
    return [...this.#known].map(([member, facts]) => ({ member, facts }));
  }

  /** False while another process holds the name, e.g. the one that this one replaces. */
  async join(client: ZooKeeperClient): Promise<boolean> {
    const { paths, claimant, facts } = this.#config;
    const claim = await claimEphemeral(client, paths.scheduler(claimant.member), { ...facts, ...claimant });
    if (claim.result === 'foreign') this.#logger.warn('member-name-taken', { member: claimant.member });
    return claim.result !== 'foreign';
  }

  /** This member is no candidate for the time being. */
  async leave(client: ZooKeeperClient): Promise<void> {
    const { paths, claimant } = this.#config;
    await releaseEphemeral(client, paths.scheduler(claimant.member));
  }

  /** Names of all live members, sorted; a watch tells of the next change. */
  async list(client: ZooKeeperClient): Promise<readonly MemberId[]> {
    const { paths } = this.#config;
    const names = [...(await client.children(paths.schedulers, true))].sort();
    const entries = names.map(async (name): Promise<[MemberId, JsonObject]> => {
      // A name is taken over only after its holder is gone from an earlier list, so facts never go stale.
      const known = this.#known.get(name);
      return [name, known ?? (await this.#readFacts(client, name))];
    });
    this.#adopt(new Map(await Promise.all(entries)));
    return names;
  }

  async #readFacts(client: ZooKeeperClient, member: MemberId): Promise<JsonObject> {
    const znode = await client.read(this.#config.paths.scheduler(member));
    const {
      incarnation: _incarnation,
      member: _member,
      ...facts
    } = (decodeZnode(znode?.data ?? Buffer.alloc(0)) ?? {}) as JsonObject;
    return facts;
  }

  #adopt(members: ReadonlyMap<MemberId, JsonObject>): void {
    const own = this.#config.facts['tz'];
    for (const [member, facts] of members) {
      if (this.#known.has(member) || facts['tz'] === own || facts['tz'] === undefined) continue;
      // The leader's data decide when a trigger fires: two releases may differ about a zone.
      this.#logger.warn('time-zone-data-differ', { member, theirs: facts['tz'], ours: own });
    }
    this.#known = members;
  }
}
