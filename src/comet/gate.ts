import type { JsonObject } from '../domain/json.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import { Service } from '../runtime/service.js';
import { NODE_ANNOUNCE_MS, type NodeRegistry } from '../store/node-registry.js';

export interface RankedNode {
  readonly url: string;
}

export interface GateAnswer {
  /** Best first, at most `MAX_RANKED`; empty when no node takes connections. */
  readonly nodes: readonly RankedNode[];
  /** How clients wait between attempts: base · factor^n up to max, of which a `jitter` part is random. */
  readonly backoff: typeof CLIENT_BACKOFF;
  readonly heartbeatMs: number;
}

export interface GateDeps {
  readonly registry: NodeRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface GateConfig {
  /** The ping interval of the comet nodes. */
  readonly heartbeatMs: number;
}

interface Candidate {
  readonly id: string;
  readonly url: string;
  readonly maxConnections: number;
  /** As last announced, plus those that this gate has sent there since. */
  connections: number;
}

export const CLIENT_BACKOFF = { baseMs: 500, maxMs: 60_000, factor: 1.8, jitter: 0.5 } as const;
export const MAX_RANKED = 5;
/** For so long a table is not believed that has lost more than half of its nodes at once. */
const DISBELIEF_MS = 30_000;

/**
 * Tells clients which comet nodes to try. Of two nodes drawn at random the less loaded goes first: a node that
 * has just started gets more than its share, but never the whole storm. When more than half of the nodes vanish
 * between two looks, the registry is suspected rather than the nodes, and the last table stays for a while.
 */
export class Gate extends Service {
  readonly name = 'gate';
  readonly #deps: GateDeps;
  readonly #config: GateConfig;
  readonly #loop: PeriodicLoop;
  #candidates: readonly Candidate[] = [];
  #disbelievedSince: number | undefined;

  constructor(deps: GateDeps, config: GateConfig) {
    super();
    this.#deps = deps;
    this.#config = config;
    this.#loop = new PeriodicLoop(
      { clock: deps.clock, logger: deps.logger, runOnce: () => this.refresh() },
      { name: 'gate', intervalMs: NODE_ANNOUNCE_MS },
    );
  }

  /** A new ranking for one client. */
  rank(): GateAnswer {
    const pool = this.#candidates.filter((node) => node.connections < node.maxConnections);
    const ranked: Candidate[] = [];
    while (pool.length > 0 && ranked.length < MAX_RANKED) ranked.push(this.#draw(pool));
    const [first] = ranked;
    if (first !== undefined) first.connections += 1;
    return {
      nodes: ranked.map(({ url }) => ({ url })),
      backoff: CLIENT_BACKOFF,
      heartbeatMs: this.#config.heartbeatMs,
    };
  }

  /** Reads the registry once; also what the gate does regularly. */
  async refresh(): Promise<void> {
    const records = await this.#deps.registry.list('comet');
    const found = records.flatMap(({ id, facts }) => candidateOf(id, facts));
    if (this.#isBelievable(found.length)) this.#candidates = found;
  }

  protected async onStart(): Promise<void> {
    await this.#loop.start();
  }

  protected async onStop(): Promise<void> {
    await this.#loop.stop();
  }

  protected override details(): Readonly<Record<string, unknown>> {
    return { nodes: this.#candidates.length, keepsOldTable: this.#disbelievedSince !== undefined };
  }

  #isBelievable(count: number): boolean {
    const now = this.#deps.clock.monotonicNow();
    const hasCollapsed = count * 2 < this.#candidates.length;
    if (!hasCollapsed || (this.#disbelievedSince !== undefined && now - this.#disbelievedSince >= DISBELIEF_MS)) {
      this.#disbelievedSince = undefined;
      return true;
    }
    if (this.#disbelievedSince === undefined) {
      this.#deps.logger.warn('gate-keeps-table', { known: this.#candidates.length, found: count });
      this.#disbelievedSince = now;
    }
    return false;
  }

  /** Takes the better of two random ones out of the pool. */
  #draw(pool: Candidate[]): Candidate {
    const [a, b] = [this.#pick(pool), this.#pick(pool)] as const;
    const chosen = loadOf(a) <= loadOf(b) ? a : b;
    pool.splice(pool.indexOf(chosen), 1);
    return chosen;
  }

  #pick(pool: readonly Candidate[]): Candidate {
    const picked = pool[Math.floor(this.#deps.random() * pool.length)];
    if (picked === undefined) throw new RangeError('random() must be in [0, 1)');
    return picked;
  }
}

function loadOf(node: Candidate): number {
  return node.connections / node.maxConnections;
}

/** Nothing for a node that is draining or that does not say what is needed. */
function candidateOf(id: string, facts: JsonObject): Candidate[] {
  const { url, connections, maxConnections, state } = facts;
  if (state !== 'up' || typeof url !== 'string') return [];
  if (typeof connections !== 'number' || typeof maxConnections !== 'number') return [];
  return [{ id, url, connections, maxConnections }];
}
