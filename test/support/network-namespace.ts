import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { findProgram } from '../../scripts/servers.mjs';
import type { Direction } from './zk-proxy.js';

const run = promisify(execFile);
const ip = findProgram('ip') ?? 'ip';
const FOLDER = '/var/run/netns';
/** Of nobody: what is sent there leaves and never arrives. */
const NOWHERE = '02:00:00:00:00:ff';
/** A run has so many blocks of four addresses out of 198.18.0.0/15, which is set aside for tests of networks. */
const BLOCKS = 16;

const standing = new Set<NetworkNamespace>();
let made = 0;
process.on('exit', () => {
  for (const namespace of standing) namespace.removeNow();
});

/**
 * A host of its own for one process, as far as the network goes: a namespace of Linux with one cable to ours. A cut
 * of it is silence: nothing is delivered, refused or ended, and TCP is left to its own time-outs. Needs root. What is left
 * when this process ends is removed then.
 */
export class NetworkNamespace {
  /** Ours on the cable: servers for the namespace listen here. */
  readonly outerAddress: string;
  /** The one of the namespace. */
  readonly innerAddress: string;
  readonly #name: string;
  readonly #outer: Cable;
  readonly #inner: Cable;

  private constructor(number: number) {
    this.#name = `cloudjob-${process.pid}-${number}`;
    const at = ((process.pid % 2048) * BLOCKS + (number % BLOCKS)) * 4;
    this.outerAddress = addressOf(at + 1);
    this.innerAddress = addressOf(at + 2);
    this.#outer = { device: `cj${process.pid}o${number % BLOCKS}`, mac: '02:00:00:00:00:01' };
    this.#inner = { device: `cj${process.pid}i${number % BLOCKS}`, mac: '02:00:00:00:00:02' };
  }

  /** Why there can be none here; null = there can. */
  static async whyNot(): Promise<string | null> {
    if (process.platform !== 'linux') return 'only Linux has network namespaces';
    if (process.getuid?.() !== 0) return 'only root may make network namespaces';
    if (findProgram('ip') === undefined) return 'the program "ip" (package iproute2) is not installed';
    try {
      await (await NetworkNamespace.create()).remove();
      return null;
    } catch (error) {
      return `network namespaces cannot be made here (${error instanceof Error ? error.message.trim() : String(error)})`;
    }
  }

  static async create(): Promise<NetworkNamespace> {
    if (made === 0) await removeOrphans();
    const namespace = new NetworkNamespace(made++);
    standing.add(namespace);
    try {
      await namespace.#make();
      return namespace;
    } catch (error) {
      await namespace.remove();
      throw error;
    }
  }

  /** Program and arguments that run `command` inside, as the same process. */
  command(program: string, args: readonly string[]): readonly [string, readonly string[]] {
    return [ip, ['netns', 'exec', this.#name, program, ...args]];
  }

  /** Loses everything on its way; `up` is what the namespace sends. */
  async lose(...directions: readonly Direction[]): Promise<void> {
    if (directions.includes('up')) await this.#inside(this.#neighbour(this.#inner, this.outerAddress, NOWHERE));
    if (directions.includes('down')) await run(ip, this.#neighbour(this.#outer, this.innerAddress, NOWHERE));
  }

  /** Pulls the cable: the namespace sees that its link is down. */
  async unplug(): Promise<void> {
    await run(ip, ['link', 'set', this.#outer.device, 'down']);
  }

  /** Delivers again what is sent from now on. */
  async heal(): Promise<void> {
    await run(ip, ['link', 'set', this.#outer.device, 'up']);
    await this.#inside(this.#neighbour(this.#inner, this.outerAddress, this.#outer.mac));
    await run(ip, this.#neighbour(this.#outer, this.innerAddress, this.#inner.mac));
  }

  /** Processes inside lose their network, if there are any left. */
  async remove(): Promise<void> {
    standing.delete(this);
    for (const args of this.#removals()) await run(ip, args).catch(() => undefined);
  }

  removeNow(): void {
    for (const args of this.#removals()) {
      try {
        execFileSync(ip, args, { stdio: 'ignore' });
      } catch {
        // Gone already.
      }
    }
  }

  #removals(): readonly string[][] {
    return [
      ['link', 'delete', this.#outer.device],
      ['netns', 'delete', this.#name],
    ];
  }

  async #make(): Promise<void> {
    const { device: outer, mac: outerMac } = this.#outer;
    const { device: inner, mac: innerMac } = this.#inner;
    await run(ip, ['netns', 'add', this.#name]);
    const end = ['peer', 'name', inner, 'address', innerMac, 'netns', this.#name];
    await run(ip, ['link', 'add', outer, 'address', outerMac, 'type', 'veth', ...end]);
    await run(ip, ['address', 'add', `${this.outerAddress}/30`, 'dev', outer]);
    await this.#inside(['address', 'add', `${this.innerAddress}/30`, 'dev', inner]);
    for (const device of ['lo', inner]) await this.#inside(['link', 'set', device, 'up']);
    await this.heal();
  }

  #neighbour({ device }: Cable, address: string, mac: string): readonly string[] {
    return ['neighbour', 'replace', address, 'lladdr', mac, 'dev', device, 'nud', 'permanent'];
  }

  async #inside(args: readonly string[]): Promise<void> {
    await run(ip, ['-netns', this.#name, ...args]);
  }
}

interface Cable {
  readonly device: string;
  readonly mac: string;
}

function addressOf(offset: number): string {
  return `198.${18 + (offset >> 16)}.${(offset >> 8) & 255}.${offset & 255}`;
}

/** Of runs that were killed. */
async function removeOrphans(): Promise<void> {
  const names = existsSync(FOLDER) ? readdirSync(FOLDER) : [];
  for (const name of names) {
    const pid = /^cloudjob-(\d+)-\d+$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      await run(ip, ['netns', 'delete', name]).catch(() => undefined);
  }
}
