import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readdirSync, readFileSync, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { NetworkNamespace } from '../support/network-namespace.js';
import type { RedisProxy } from '../support/redis-proxy.js';
import type { ZkProxy } from '../support/zk-proxy.js';
import type { ProcessFacts } from './history.js';

export type MemberRole = 'scheduler' | 'worker' | 'api';

export interface MemberSpec {
  readonly name: string;
  readonly role: MemberRole;
  /** Program and its arguments, for `node`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where the port of its HTTP server is known: schedulers and API. */
  readonly url?: string;
  readonly logFile: string;
  /** Where it runs; undefined = with everybody else. */
  readonly host?: NetworkNamespace | undefined;
}

const HOOK = fileURLToPath(new URL('member-hook.mjs', import.meta.url));
const ALARM = /unhandled|uncaught|CJ_INVARIANT|out of memory|FATAL|MaxListenersExceeded/i;

/**
 * A place in the cluster that one process at a time fills: it can be killed and started again. Everything it says
 * goes to one file.
 */
export class Member {
  readonly spec: MemberSpec;
  /** Between this member and each server; empty where the servers are reached directly. */
  redisProxy: RedisProxy | undefined;
  zkProxies: readonly ZkProxy[] = [];
  readonly alarms: string[] = [];
  unexpectedEnd: string | null = null;
  #child: ChildProcess | undefined;
  #isEnding = false;
  #startedWith: { files: number; residentMb: number } | undefined;
  readonly #log: WriteStream;

  constructor(spec: MemberSpec) {
    this.spec = spec;
    this.#log = createWriteStream(spec.logFile, { flags: 'a' });
  }

  get name(): string {
    return this.spec.name;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts a process and waits until it says that it is ready. */
  async start(): Promise<void> {
    if (this.isRunning) return;
    this.#isEnding = false;
    this.#startedWith = undefined;
    this.note('starts');
    const { host, args } = this.spec;
    const command = [process.execPath, ['--import', HOOK, ...args]] as const;
    const child = spawn(...(host?.command(...command) ?? command), {
      env: { PATH: process.env['PATH'] ?? '', ...this.spec.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        if (stream === null) continue;
        createInterface({ input: stream }).on('line', (line) => {
          this.#log.write(`${line}\n`);
          if (ALARM.test(line)) this.alarms.push(line.slice(0, 400));
          if (line.includes(' is ready')) resolve();
        });
      }
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        this.note(`ended: ${code ?? signal}`);
        if (!this.#isEnding) this.unexpectedEnd = String(code ?? signal);
        reject(new Error(`${this.name} ended while starting (${code ?? signal}); see ${this.spec.logFile}`));
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.note(`gets ${signal}`);
    this.#child?.kill(signal);
  }

  /** Ends the process and waits until it is gone. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    this.#isEnding = true;
    const exited = once(child, 'exit');
    if (signal === 'SIGKILL') child.kill('SIGCONT');
    this.signal(signal);
    await exited;
  }

  async close(): Promise<void> {
    await this.end();
    await Promise.all([this.redisProxy?.stop(), ...this.zkProxies.map((proxy) => proxy.stop())]);
    await this.spec.host?.remove();
    await new Promise((resolve) => this.#log.end(resolve));
  }

  /** Keeps its event loop busy for so long. */
  block(ms: number): void {
    this.note(`is blocked for ${ms} ms`);
    this.#child?.send({ command: 'block', ms });
  }

  /** Sets its wall clock off by so much; 0 sets it right. */
  shiftClock(ms: number): void {
    this.note(`has its clock set off by ${ms} ms`);
    if (this.isRunning) this.#child?.send({ command: 'shift-clock', ms });
  }

  note(text: string): void {
    this.#log.write(`---- ${new Date().toISOString()} ${this.name} ${text}\n`);
  }

  /** One metric of the process, summed over its labels; 0 when it does not answer. */
  async metric(name: string): Promise<number> {
    if (this.spec.url === undefined || !this.isRunning) return 0;
    try {
      const headers = { authorization: `Bearer ${this.spec.env['CLOUDJOB_API_KEY'] ?? ''}` };
      const answer = await fetch(`${this.spec.url}/metrics`, { headers, signal: AbortSignal.timeout(3000) });
      const lines = (await answer.text()).split('\n');
      const samples = lines.filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)));
      return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    } catch {
      return 0;
    }
  }

  /** Growth is counted from the first call in the life of a process. */
  facts(): ProcessFacts {
    const now = this.isRunning ? usageOf(this.pid) : { files: 0, residentMb: 0 };
    const before = (this.#startedWith ??= now);
    const { name, unexpectedEnd } = this;
    this.unexpectedEnd = null;
    return {
      name,
      files: [before.files, now.files],
      residentMb: [before.residentMb, now.residentMb],
      unexpectedEnd,
      alarms: this.alarms.splice(0),
    };
  }
}

function usageOf(pid: number): { files: number; residentMb: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const residentKb = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    return { files: readdirSync(`/proc/${pid}/fd`).length, residentMb: Math.round(residentKb / 1024) };
  } catch {
    return { files: 0, residentMb: 0 };
  }
}
