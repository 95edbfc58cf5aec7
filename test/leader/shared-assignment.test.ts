import { describe, expect, it } from 'vitest';
import { CoordinationError } from '../../src/domain/errors.js';
import { SharedAssignment } from '../../src/leader/shared-assignment.js';
import { ZnodePaths } from '../../src/leader/znode-paths.js';
import type { Znode } from '../../src/leader/zookeeper-client.js';

const SHARDS = 16;

/** One znode with its version; `beforeWrite` lets others act between a member's reading and its writing. */
class OneZnode {
  data: Buffer | undefined;
  version = 0;
  beforeWrite: () => Promise<unknown> = () => Promise.resolve();

  read(): Promise<Znode | undefined> {
    const { data, version } = this;
    return Promise.resolve(data === undefined ? undefined : { data, version, ephemeralOwner: 0n });
  }

  async createPersistent(path: string, data: Buffer): Promise<void> {
    await this.#interfere();
    if (this.data !== undefined) throw new CoordinationError('CJ_ZK_NODE_EXISTS', path);
    this.data = data;
  }

  async write(path: string, data: Buffer, version: number): Promise<void> {
    await this.#interfere();
    if (version !== this.version) throw new CoordinationError('CJ_ZK_BAD_VERSION', path);
    this.data = data;
    this.version += 1;
  }

  async #interfere(): Promise<void> {
    const { beforeWrite } = this;
    this.beforeWrite = () => Promise.resolve();
    await beforeWrite();
  }
}

function aMember(znode: OneZnode, listMembers: () => readonly string[]) {
  const shared = new SharedAssignment({ paths: new ZnodePaths('test'), shardCount: SHARDS });
  return () => shared.settle(znode, () => Promise.resolve(listMembers()));
}

describe('SharedAssignment', () => {
  it('takes over what another member writes at the same time', async () => {
    const znode = new OneZnode();
    const live = ['a'];
    const [first, second] = [aMember(znode, () => live), aMember(znode, () => live)];
    await first();
    live.push('b');
    let other: Awaited<ReturnType<typeof second>> | undefined;
    znode.beforeWrite = async () => (other = await second());
    expect(await first()).toEqual(other);
    expect(znode.version).toBe(1);
  });

  it('never writes for a list that is older than the assignment it read', async () => {
    const znode = new OneZnode();
    let live = ['a', 'b'];
    const newcomer = aMember(znode, () => live);
    await newcomer();
    let made: Awaited<ReturnType<typeof newcomer>> | undefined;
    // "c" joins, and its assignment is written, while "a" is reading: its list is then of the time before or after.
    const read = znode.read.bind(znode);
    znode.read = async () => {
      const before = await read();
      znode.read = read;
      live = ['a', 'b', 'c'];
      made = await newcomer();
      return before;
    };
    const a = aMember(znode, () => live);
    expect(await a()).toEqual(made);
    expect(znode.version).toBe(1);
  });

  it('remembers the assignment when all members are gone and others come', async () => {
    const znode = new OneZnode();
    let live = ['a', 'b'];
    const settle = aMember(znode, () => live);
    await settle();
    live = ['c', 'b'];
    const { assignment } = await settle();
    expect(assignment.filter((member) => member === 'b')).toHaveLength(8);
    live = ['d'];
    expect((await settle()).assignment).toEqual(new Array(SHARDS).fill('d'));
  });
});
