import type { ChildProcess } from 'node:child_process';

export function findProgram(name: string): string | undefined;
export function missingPackages(needs?: {
  redis?: boolean;
  zookeeper?: boolean;
  browser?: boolean;
  quartz?: boolean;
}): string[];
export function freePorts(count: number): Promise<number[]>;

declare class ServerProcess {
  readonly name: string;
  readonly folder: string;
  readonly child: ChildProcess;
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  kill(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export class RedisServer extends ServerProcess {
  readonly port: number;
  readonly url: string;
}

export class SentinelServer extends RedisServer {
  constructor(port: number, folder: string);
}

export class ZooKeeperServer extends ServerProcess {
  readonly port: number;
  untilServing(timeoutMs?: number): Promise<void>;
  /** Until it keeps up with what it is asked. Errors: when it does not in time. */
  untilWorking(timeoutMs?: number): Promise<void>;
}

export function startRedis(options?: {
  appendOnly?: boolean;
  fsync?: 'everysec' | 'always';
  args?: readonly string[];
  folder?: string;
  port?: number;
  detached?: boolean;
}): Promise<RedisServer>;

export interface ZooKeeperEnsemble {
  readonly servers: readonly ZooKeeperServer[];
  readonly connectString: string;
  stop(): Promise<void>;
}

export function startZooKeeper(options?: {
  size?: number;
  tickTimeMs?: number;
  folder?: string;
  detached?: boolean;
}): Promise<ZooKeeperEnsemble>;
