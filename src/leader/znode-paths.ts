import { ConfigError } from '../domain/errors.js';
import type { MemberId, ShardId } from '../domain/shard.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Every path that CloudJob uses in ZooKeeper. `docs/znodes.md` says what each holds and who writes it. */
export class ZnodePaths {
  readonly root = '/cloudjob';
  readonly cluster: string;
  readonly schedulers: string;
  readonly shards: string;
  readonly heartbeat: string;
  readonly assignment: string;

  /** Errors: `ConfigError` for a cluster name that cannot be a znode name. */
  constructor(cluster: string) {
    assertZnodeName('cluster', cluster);
    this.cluster = `${this.root}/${cluster}`;
    this.schedulers = `${this.cluster}/schedulers`;
    this.shards = `${this.cluster}/shards`;
    this.heartbeat = `${this.cluster}/heartbeat`;
    this.assignment = `${this.cluster}/assignment`;
  }

  scheduler(member: MemberId): string {
    return `${this.schedulers}/${member}`;
  }

  shard(shard: ShardId): string {
    return `${this.shards}/${shard}`;
  }

  owner(shard: ShardId): string {
    return `${this.shard(shard)}/owner`;
  }

  epoch(shard: ShardId): string {
    return `${this.shard(shard)}/epoch`;
  }

  checkpoint(shard: ShardId): string {
    return `${this.shard(shard)}/checkpoint`;
  }
}

/** Errors: `ConfigError` unless `name` is 1 to 128 letters, digits, dots, dashes and underscores, the first a letter or digit. */
export function assertZnodeName(what: string, name: string): void {
  if (!NAME.test(name)) {
    throw new ConfigError(`${what} "${name}" must be letters, digits, ".", "_" or "-", 128 at most`, { [what]: name });
  }
}
