import type { FaultSite, SiteKind } from './fault-site.js';
import type { Member } from './member.js';
import type { Random } from './random.js';

/** What a fault takes hold of: two faults of one round never share a part. */
export type Part = 'scheduler' | 'worker' | 'api' | 'redis' | 'zookeeper';

export interface FaultContext {
  readonly site: FaultSite;
  readonly random: Random;
  /** Lasts so long, if the fault is one that lasts. */
  readonly holdMs: number;
  /** Victims of the round, one per role: two faults cannot meet at one process unless they name the same part. */
  readonly scheduler: Member;
  readonly worker: Member;
}

/** Undoes the fault; resolves when it is undone, or with what is left to do when every other fault of the round is. */
export type Heal = () => Promise<void | (() => Promise<void>)>;

export interface Fault {
  readonly name: string;
  readonly sites: readonly SiteKind[];
  readonly part: Part;
  /** Least and most. */
  readonly holdMs: readonly [number, number];
  /** Longest time without a fire that it may cause, given how long it lasts. */
  readonly boundMs: (holdMs: number) => number;
  /** Redis may lose writes that it acknowledged. */
  readonly mayLose?: true;
  /** Takes network namespaces. */
  readonly needsHosts?: true;
  inject(context: FaultContext): Promise<Heal>;
}

export const EVERYWHERE: readonly SiteKind[] = ['single', 'sentinel', 'cluster'];
/** Only there has each member its own way to the server. */
export const SINGLE: readonly SiteKind[] = ['single'];
