import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePorts, SentinelServer, startRedis, type RedisServer } from '../../scripts/servers.mjs';
import { eventually } from './wait.js';

const LOOPBACK = '127.0.0.1';
const SLOT_COUNT = 16_384;

/** Sends one command on a connection of its own. Rejects when the server cannot be reached or answers an error. */
export async function ask(node: RedisServer, ...command: readonly (string | number)[]): Promise<unknown> {
  const client = new Redis(node.port, LOOPBACK, {
    lazyConnect: true,
    enableReadyCheck: false,
    protocol: 2,
    connectTimeout: 1000,
    commandTimeout: 5000,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const [name = '', ...args] = command.map(String);
    return await client.call(name, args);
  } finally {
    client.disconnect();
  }
}

/** Resolves when all replicas of a master, at least one, have what it has acknowledged up to now. */
export async function untilCopied(master: RedisServer): Promise<void> {
  type Role = [role: string, offset: number, replicas: [host: string, port: string, offset: string][]];
  const [, offset] = (await ask(master, 'ROLE')) as Role;
  await eventually(`replicas to have copied ${master.name}`, async () => {
    const [, , replicas] = (await ask(master, 'ROLE')) as Role;
    return replicas.length > 0 && replicas.every((replica) => Number(replica[2]) >= offset);
  });
}

/** What both topologies can do to one of their processes. */
class Topology {
  readonly #folders: string[] = [];
  /** Every process, also those that watch. */
  readonly processes: RedisServer[] = [];

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'cloudjob-redis-'));
    this.#folders.push(folder);
    return folder;
  }

  kill(node: RedisServer): Promise<void> {
    return node.kill('SIGKILL');
  }

  pause(node: RedisServer): void {
    node.signal('SIGSTOP');
  }

  resume(node: RedisServer): void {
    node.signal('SIGCONT');
  }

  /** Kills it, if it still runs, and starts it with the data it had. */
  async restart(node: RedisServer): Promise<void> {
    await node.kill('SIGKILL');
    await node.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((node) => node.stop()));
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

export interface SentinelOptions {
  readonly replicas?: number;
  /** How long the master must be silent before it is replaced. */
  readonly downAfterMs?: number;
  /** Further arguments of the data servers. */
  readonly args?: readonly string[];
}

/** One master with replicas, watched by three Sentinels that need two votes. */
export class SentinelTopology extends Topology {
  readonly masterName = 'cloudjob';
  /** Data servers; the first was the master at the start. */
  readonly nodes: RedisServer[] = [];
  readonly sentinels: SentinelServer[] = [];

  get url(): string {
    const hosts = this.sentinels.map(({ port }) => `${LOOPBACK}:${port}`).join(',');
    return `redis+sentinel://${hosts}/${this.masterName}`;
  }

  /** The master in the eyes of the first Sentinel that answers. */
  async master(): Promise<RedisServer> {
    const answers = await Promise.allSettled(this.sentinels.map((sentinel) => this.#masterOf(sentinel)));
    const found = answers.find((answer) => answer.status === 'fulfilled');
    if (found === undefined) throw new Error('no Sentinel answers');
    return found.value;
  }

  async replicas(): Promise<RedisServer[]> {
    const master = await this.master();
    return this.nodes.filter((node) => node !== master);
  }

  /** Has a replica promoted while the master lives; resolves when all Sentinels agree on the new master. */
  async failover(): Promise<RedisServer> {
    const before = await this.master();
    const [sentinel] = this.sentinels as [SentinelServer];
    await eventually('a replica to promote', async () => {
      await ask(sentinel, 'SENTINEL', 'FAILOVER', this.masterName);
      return true;
    });
    return this.masterAfter(before);
  }

  /** Resolves with the new master once every running Sentinel names it and it accepts writes. */
  masterAfter(before: RedisServer, timeoutMs = 20_000): Promise<RedisServer> {
    const agreed = async (): Promise<RedisServer | undefined> => {
      const named = await Promise.allSettled(this.sentinels.map((sentinel) => this.#masterOf(sentinel)));
      const masters = new Set(named.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])));
      const [master] = masters;
      if (master === undefined || masters.size > 1 || master === before) return undefined;
      const role = (await ask(master, 'ROLE')) as [string];
      return role[0] === 'master' ? master : undefined;
    };
    return eventually('another master', agreed, { timeoutMs });
  }

  async #masterOf(sentinel: RedisServer): Promise<RedisServer> {
    const address = (await ask(sentinel, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.masterName)) as [string, string];
    const node = this.nodes.find(({ port }) => String(port) === address[1]);
    if (node === undefined) throw new Error(`Sentinel names an unknown master ${address.join(':')}`);
    return node;
  }
}

/** Starts the servers and resolves when the replicas are in step and each Sentinel knows everybody. */
export async function startSentinel(options: SentinelOptions = {}): Promise<SentinelTopology> {
  const { replicas = 1, downAfterMs = 500, args = [] } = options;
  const topology = new SentinelTopology();
  const common = ['--repl-diskless-sync', 'yes', '--repl-diskless-sync-delay', '0', ...args];
  try {
    const master = await startRedis({ args: common });
    topology.nodes.push(master);
    topology.processes.push(master);
    const replicaArgs = [...common, '--replicaof', LOOPBACK, String(master.port)];
    const starts = Array.from({ length: replicas }, async () => {
      const node = await startRedis({ args: replicaArgs });
      topology.nodes.push(node);
      topology.processes.push(node);
    });
    await Promise.all(starts);
    await startSentinels(topology, downAfterMs);
    await eventually('replicas in step', async () => {
      const info = String(await ask(master, 'INFO', 'replication'));
      return (info.match(/state=online/g) ?? []).length === replicas;
    });
    return topology;
  } catch (error) {
    await topology.stop();
    throw error;
  }
}

/** The Sentinels are told of each other and of the replicas, which saves them seconds of finding out. */
async function startSentinels(topology: SentinelTopology, downAfterMs: number): Promise<void> {
  const name = topology.masterName;
  const [master, ...replicas] = topology.nodes as [RedisServer, ...RedisServer[]];
  const ports = await freePorts(3);
  const members = ports.map((port) => ({ port, id: randomBytes(20).toString('hex') }));
  for (const { port, id } of members) {
    const folder = await topology.folder();
    const others = members.filter((member) => member.id !== id);
    const lines = [
      `port ${port}`,
      `bind ${LOOPBACK}`,
      `dir ${folder}`,
      `logfile ${join(folder, 'sentinel.log')}`,
      `sentinel myid ${id}`,
      `sentinel monitor ${name} ${LOOPBACK} ${master.port} 2`,
      `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
      `sentinel failover-timeout ${name} 5000`,
      ...replicas.map((replica) => `sentinel known-replica ${name} ${LOOPBACK} ${replica.port}`),
      ...others.map((other) => `sentinel known-sentinel ${name} ${LOOPBACK} ${other.port} ${other.id}`),
    ];
    await writeFile(join(folder, 'sentinel.conf'), `${lines.join('\n')}\n`);
    const sentinel = new SentinelServer(port, folder);
    topology.sentinels.push(sentinel);
    topology.processes.push(sentinel);
  }
  await Promise.all(topology.sentinels.map((sentinel) => sentinel.start()));
  // Its own slow periods would leave a returned master a master for eight seconds.
  const periods = ['info-period', 500, 'publish-period', 250, 'ask-period', 250];
  await Promise.all(topology.sentinels.map((sentinel) => ask(sentinel, 'SENTINEL', 'DEBUG', ...periods)));
  for (const sentinel of topology.sentinels) {
    await eventually('Sentinel to see a quorum and the replicas', async () => {
      const quorum = String(await ask(sentinel, 'SENTINEL', 'CKQUORUM', name));
      const seen = (await ask(sentinel, 'SENTINEL', 'REPLICAS', name)) as string[][];
      const usable = seen.filter((fields) => fields[fields.indexOf('master-link-status') + 1] === 'ok');
      return quorum.startsWith('OK 3') && usable.length === replicas.length;
    });
  }
}

export interface ClusterTopologyOptions {
  /** How long a node must be silent before it is replaced. */
  readonly nodeTimeoutMs?: number;
  readonly args?: readonly string[];
}

/** A slot on its way: `finish` moves the keys and tells everybody who owns it now. */
export interface SlotMove {
  readonly from: RedisServer;
  readonly to: RedisServer;
  finish(): Promise<void>;
}

/** Three masters, each with a replica. The slots are dealt out evenly: the first third belongs to the first node. */
export class RedisClusterTopology extends Topology {
  /** The first three were masters at the start, and each of the others replicates the one three places before it. */
  readonly nodes: RedisServer[] = [];

  get url(): string {
    return `redis+cluster://${this.nodes.map(({ port }) => `${LOOPBACK}:${port}`).join(',')}`;
  }

  async masters(): Promise<RedisServer[]> {
    const known = await this.#known();
    return this.nodes.filter((node) => known.some((line) => line.port === node.port && line.isLiveMaster));
  }

  /** The master that owns a slot. */
  async ownerOf(slot: number): Promise<RedisServer> {
    const known = await this.#known();
    const owner = known.find(({ ranges, isLiveMaster }) => isLiveMaster && includes(ranges, slot));
    const node = this.nodes.find(({ port }) => port === owner?.port);
    if (node === undefined) throw new Error(`nobody owns slot ${slot}`);
    return node;
  }

  async slotOf(key: string): Promise<number> {
    return Number(await this.#askAny('CLUSTER', 'KEYSLOT', key));
  }

  async replicaOf(master: RedisServer): Promise<RedisServer> {
    const known = await this.#known();
    const id = known.find(({ port }) => port === master.port)?.id;
    const replica = known.find(({ masterId, isFailed }) => masterId === id && !isFailed);
    const node = this.nodes.find(({ port }) => port === replica?.port);
    if (node === undefined) throw new Error(`${master.name} has no replica`);
    return node;
  }

  /** Has the replica of a living master take its place without loss; resolves when every node agrees. */
  async failover(master: RedisServer): Promise<RedisServer> {
    const replica = await this.replicaOf(master);
    const isMaster = async (): Promise<boolean> => {
      if (((await ask(replica, 'ROLE')) as string[])[0] === 'master') return true;
      // Refused while it is not in step, and given up when that takes too long.
      await ask(replica, 'CLUSTER', 'FAILOVER');
      return false;
    };
    await eventually('a replica to take over', isMaster, { everyMs: 1000, timeoutMs: 20_000 });
    await this.#agreedMaster(replica);
    return replica;
  }

  /** Resolves with the node that took the place of `gone`, once every running node agrees and the state is ok. */
  async successorOf(gone: RedisServer, slot: number, timeoutMs = 20_000): Promise<RedisServer> {
    return eventually(
      'a successor',
      async () => {
        const owner = await this.ownerOf(slot);
        if (owner === gone) return undefined;
        await this.#agreedMaster(owner);
        return owner;
      },
      { timeoutMs },
    );
  }

  /** Puts a slot between two masters: keys that are gone from `from` are answered with ASK from then on. */
  async beginSlotMove(slot: number, to: RedisServer): Promise<SlotMove> {
    const from = await this.ownerOf(slot);
    const [fromId, toId] = [String(await ask(from, 'CLUSTER', 'MYID')), String(await ask(to, 'CLUSTER', 'MYID'))];
    await ask(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
    await ask(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
    const finish = async (): Promise<void> => {
      await this.moveKeys(slot, from, to);
      for (const node of [to, from]) await ask(node, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
      await this.#agreedOwner(slot, to);
    };
    return { from, to, finish };
  }

  /** Moves the keys of a slot that is on its way, all of them or the first `count`. */
  async moveKeys(slot: number, from: RedisServer, to: RedisServer, count = Infinity): Promise<void> {
    let left = count;
    while (left > 0) {
      const keys = (await ask(from, 'CLUSTER', 'GETKEYSINSLOT', slot, Math.min(100, left))) as string[];
      if (keys.length === 0) return;
      await ask(from, 'MIGRATE', LOOPBACK, to.port, '', 0, 5000, 'KEYS', ...keys);
      left -= keys.length;
    }
  }

  /** Moves a slot with its keys. */
  async moveSlot(slot: number, to: RedisServer): Promise<void> {
    const move = await this.beginSlotMove(slot, to);
    await move.finish();
  }

  /** Resolves when every running node says that all slots are served. */
  async untilOk(timeoutMs = 20_000): Promise<void> {
    const isOk = async (): Promise<boolean> => {
      const infos = await this.#askRunning('CLUSTER', 'INFO');
      return infos.length > 0 && infos.every((info) => String(info).includes('cluster_state:ok'));
    };
    await eventually('a cluster that serves all slots', isOk, { timeoutMs });
  }

  #agreedOwner(slot: number, node: RedisServer): Promise<void> {
    return this.#untilAllSee(`everybody to take ${node.name} for the owner of slot ${slot}`, (known) =>
      known.some(({ port, isLiveMaster, ranges }) => port === node.port && isLiveMaster && includes(ranges, slot)),
    );
  }

  async #agreedMaster(node: RedisServer): Promise<void> {
    await this.#untilAllSee(`everybody to take ${node.name} for a master`, (known) =>
      known.some(({ port, isLiveMaster, ranges }) => port === node.port && isLiveMaster && ranges.length > 0),
    );
    await this.untilOk();
  }

  async #untilAllSee(what: string, isSeen: (known: readonly KnownNode[]) => boolean): Promise<void> {
    await eventually(what, async () => {
      const views = await this.#askRunning('CLUSTER', 'NODES');
      return views.every((view) => isSeen(parseNodes(String(view))));
    });
  }

  async #known(): Promise<readonly KnownNode[]> {
    return parseNodes(String(await this.#askAny('CLUSTER', 'NODES')));
  }

  async #askAny(...command: readonly string[]): Promise<unknown> {
    const [answer] = await this.#askRunning(...command);
    if (answer === undefined) throw new Error('no node of the cluster answers');
    return answer;
  }

  async #askRunning(...command: readonly string[]): Promise<unknown[]> {
    const running = this.nodes.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    const answers = await Promise.allSettled(running.map((node) => ask(node, ...command)));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }
}

interface KnownNode {
  readonly id: string;
  readonly port: number;
  readonly isLiveMaster: boolean;
  readonly isFailed: boolean;
  readonly masterId: string;
  readonly ranges: readonly (readonly [number, number])[];
}

function includes(ranges: KnownNode['ranges'], slot: number): boolean {
  return ranges.some(([first, last]) => slot >= first && slot <= last);
}

/** Reads the answer to CLUSTER NODES. */
function parseNodes(text: string): readonly KnownNode[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [id = '', address = '', flagText = '', masterId = '', , , , , ...slots] = line.split(' ');
      const flags = flagText.split(',');
      const ranges = slots
        .filter((slot) => !slot.startsWith('['))
        .map((slot) => {
          const [first = '', last = first] = slot.split('-');
          return [Number(first), Number(last)] as const;
        });
      const isFailed = flags.includes('fail') || flags.includes('fail?');
      const port = Number(/:(\d+)/.exec(address)?.[1]);
      return { id, port, isFailed, isLiveMaster: flags.includes('master') && !isFailed, masterId, ranges };
    });
}

/** Starts six nodes that know each other from the start; resolves when all slots are served and copied. */
export async function startRedisCluster(options: ClusterTopologyOptions = {}): Promise<RedisClusterTopology> {
  const { nodeTimeoutMs = 1500, args = [] } = options;
  const topology = new RedisClusterTopology();
  const ports = await freePorts(12);
  const members = Array.from({ length: 6 }, (_, index) => ({
    id: randomBytes(20).toString('hex'),
    address: `${LOOPBACK}:${ports[index]}@${ports[index + 6]}`,
    port: ports[index] ?? 0,
    busPort: ports[index + 6] ?? 0,
  }));
  const lines = members.map(({ id, address }, index) => describeNode(id, address, members[index - 3]?.id, index));
  try {
    const starts = members.map(async ({ id, port, busPort }) => {
      const folder = await topology.folder();
      await mkdir(folder, { recursive: true });
      const own = lines.map((line) => (line.startsWith(id) ? line.replace(/ (master|slave) /, ' myself,$1 ') : line));
      await writeFile(join(folder, 'nodes.conf'), `${own.join('\n')}\nvars currentEpoch 3 lastVoteEpoch 0\n`);
      const clusterArgs = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)];
      clusterArgs.push('--cluster-port', String(busPort), '--cluster-announce-ip', LOOPBACK);
      clusterArgs.push('--repl-diskless-sync', 'yes', '--repl-diskless-sync-delay', '0', ...args);
      return startRedis({ folder, port, args: clusterArgs });
    });
    const started = await Promise.allSettled(starts);
    for (const result of started) if (result.status === 'fulfilled') topology.processes.push(result.value);
    topology.nodes.push(...topology.processes);
    const failed = started.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await topology.untilOk();
    for (const master of topology.nodes.slice(0, 3)) {
      await eventually('replicas in step', async () =>
        String(await ask(master, 'INFO', 'replication')).includes('state=online'),
      );
    }
    return topology;
  } catch (error) {
    await topology.stop();
    throw error;
  }
}

/** A line of nodes.conf. */
function describeNode(id: string, address: string, masterId: string | undefined, index: number): string {
  if (masterId !== undefined) return `${id} ${address} slave ${masterId} 0 0 ${index - 2} connected`;
  const first = Math.floor((SLOT_COUNT * index) / 3);
  const last = Math.floor((SLOT_COUNT * (index + 1)) / 3) - 1;
  return `${id} ${address} master - 0 0 ${index + 1} connected ${first}-${last}`;
}
