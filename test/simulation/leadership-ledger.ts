import { FencedError } from '../../src/domain/errors.js';
import type { FireDecision } from '../../src/domain/fire-plan.js';
import { OPERATOR } from './members.js';
import type { StoreCall } from './sim-store.js';
import { Violation } from './violation.js';

/** Those with an epoch as their second argument. */
const LEADER_METHODS: ReadonlySet<string> = new Set([
  'sealFence',
  'releaseFence',
  'fire',
  'dropOrphans',
  'requeueRetries',
  'rescueExpired',
  'deleteExpired',
  'recordPlanning',
  'moveDue',
  'markProgress',
  'recordRollback',
  'stepBackfill',
  'endBackfill',
  'dropBackfills',
]);

/** Sent when a term is over already, to say so. */
const FAREWELL = 'releaseFence';

/** Follows who leads which shard under which epoch, and what becomes of writes of those that do not any more. */
export class LeadershipLedger {
  readonly #holderOf: (shard: number) => string | undefined;
  readonly #fences = new Map<number, number>();
  readonly #leaders = new Map<string, string>();
  readonly #changes: (shard: number) => number;
  #changesBefore = 0;
  fenced = 0;
  terms = 0;

  /** `holderOf`: who owns the shard by ZooKeeper; `changes`: number of writes to the shard so far. */
  constructor(deps: { holderOf: (shard: number) => string | undefined; changes: (shard: number) => number }) {
    this.#holderOf = deps.holderOf;
    this.#changes = deps.changes;
  }

  sending(call: StoreCall): void {
    const { client, method, args } = call;
    if (!LEADER_METHODS.has(method) || isReplacing(call)) return;
    const [shard, epoch] = args as [number, number];
    const key = `${shard}@${epoch}`;
    const leader = this.#leaders.get(key);
    if (leader === undefined) this.terms += 1;
    this.#leaders.set(key, leader ?? client.name);
    if (leader !== undefined && leader !== client.name)
      throw new Violation('I5', `${leader} and ${client.name} lead shard ${shard} under epoch ${epoch}`);
    const holder = this.#holderOf(shard);
    if (method !== FAREWELL && holder !== client.name)
      throw new Violation(
        'trust',
        `${client.name} sent ${method} for shard ${shard}, which ${holder ?? 'nobody'} holds`,
      );
  }

  checkTrust(name: string, shard: number): void {
    const holder = this.#holderOf(shard);
    if (holder !== name)
      throw new Violation('trust', `${name} would act for shard ${shard}, which ${holder ?? 'nobody'} holds`);
  }

  applying({ method, args }: StoreCall): void {
    if (LEADER_METHODS.has(method)) this.#changesBefore = this.#changes(args[0] as number);
  }

  applied({ client, method, args }: StoreCall, error: unknown): void {
    if (!LEADER_METHODS.has(method)) return;
    const [shard, epoch] = args as [number, number];
    const fence = this.#fences.get(shard) ?? 0;
    if (error instanceof FencedError) {
      this.fenced += 1;
      if (this.#changes(shard) !== this.#changesBefore)
        throw new Violation('I5', `${method} of ${client.name} was refused and has changed something`);
      return;
    }
    if (epoch < fence)
      throw new Violation('I5', `${method} of ${client.name} under epoch ${epoch} was let in behind ${fence}`);
    this.#fences.set(shard, epoch);
  }
}

/** Who writes a trigger anew records what is due of it, under the epoch of the fence; it fires nothing. */
function isReplacing({ client, method, args }: StoreCall): boolean {
  return (
    client.name === OPERATOR && method === 'fire' && (args[2] as FireDecision[]).every((d) => d.fires.length === 0)
  );
}
