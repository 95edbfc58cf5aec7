import type { Epoch, ShardId } from '../../domain/shard.js';
import type { Trigger, TriggerKey } from '../../domain/trigger.js';
import type { ReconcilePage, ReconcileStore, Repair } from '../reconcile-store.js';
import { readyChannelPrefix } from './keys.js';
import { runFenced } from './fenced-script.js';
import type { RedisLayout } from './redis-layout.js';
import type { ScriptName } from './script-manifest.js';
import type { ScriptRunner } from './script-runner.js';
import { decodeTrigger } from './trigger-codec.js';

interface Deps {
  readonly scripts: ScriptRunner<ScriptName>;
  readonly layout: RedisLayout;
}

interface Step {
  readonly shard: ShardId;
  readonly epoch: Epoch | null;
  readonly source: string;
  readonly cursor: string;
}

/** Entries looked at in one step: about a millisecond of Redis. */
const STEP = 200;
/** For an execution that runs without a lease: long enough for a live worker to extend it. */
const REPAIRED_LEASE_MS = 60_000;

/** Keys to go through, first those that hold up work when they are wrong. */
const SOURCES = [
  'triggers:due',
  'triggers:triggers',
  'executions:leases',
  'executions:retries',
  'executions:ready',
  'triggers:jobs',
  'triggers:job-names',
  'triggers:trigger-names',
  'triggers:expiry',
  'executions:executions',
  'executions:history',
  'executions:expiry',
] as const;

export class RedisReconcileStore implements ReconcileStore {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The cursor is the number of the source and the cursor in it. */
  async reconcile(
    shard: ShardId,
    { cursor, epoch }: { readonly cursor: string | null; readonly epoch: Epoch | null },
  ): Promise<ReconcilePage> {
    const [number = '0', within = '0'] = (cursor ?? '0:0').split(':');
    const index = Number(number);
    const [script, source = ''] = (SOURCES[index] ?? SOURCES[0]).split(':');
    const step: Step = { shard, epoch, source, cursor: within };
    const { next, ...page } = await (script === 'triggers' ? this.#triggers(step) : this.#executions(step));
    const isOver = next === '0' && index + 1 === SOURCES.length;
    return { ...page, nextCursor: isOver ? null : next === '0' ? `${index + 1}:0` : `${index}:${next}` };
  }

  async #executions({ shard, epoch, source, cursor }: Step) {
    const keys = ['fence', 'jobs', 'executions', 'ready', 'leases', 'retries', 'history', 'expiry'] as const;
    const prefix = readyChannelPrefix(this.#deps.layout.cluster);
    const args = [epoch ?? '', source, cursor, STEP, prefix, shard, REPAIRED_LEASE_MS];
    const [, ...reply] = await runFenced(this.#deps, 'reconcile_executions', { shard, epoch, keys, args });
    return { ...head(reply), triggers: [] };
  }

  async #triggers({ shard, epoch, source, cursor }: Step) {
    const reply = await this.#judgeTriggers({ shard, epoch, source, cursor }, []);
    const toJudge = reply[3] as string[];
    const page = head(reply);
    if (source === 'triggers') return { ...page, triggers: triggersOf(shard, toJudge) };
    if (toJudge.length === 0) return { ...page, triggers: [] };
    // In another shard than its own a job is a copy, and listed as one.
    const entries = toJudge.map((job) => (this.#deps.layout.shardOf(job) === shard ? job : `=${job}`));
    const listing = head(await this.#judgeTriggers({ shard, epoch, source: 'unlisted', cursor: '0' }, entries));
    return { ...page, repairs: [...page.repairs, ...listing.repairs], triggers: [] };
  }

  async #judgeTriggers({ shard, epoch, source, cursor }: Step, jobs: readonly string[]): Promise<readonly unknown[]> {
    const keys = ['fence', 'jobs', 'jobNames', 'triggers', 'triggerNames', 'due', 'expiry'] as const;
    const args = [epoch ?? '', source, cursor, STEP, ...jobs];
    const [, ...reply] = await runFenced(this.#deps, 'reconcile_triggers', { shard, epoch, keys, args });
    return reply;
  }
}

function head([next, seen, found]: readonly unknown[]) {
  const flat = found as string[];
  const repairs: Repair[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    repairs.push({ kind: flat[i] as Repair['kind'], subject: String(flat[i + 1]) });
  }
  return { next: String(next), seenCount: Number(seen), repairs };
}

function triggersOf(shard: ShardId, flat: readonly string[]): Trigger[] {
  const triggers: Trigger[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    const dueAt = flat[i + 2] === '' ? null : Number(flat[i + 2]);
    triggers.push(decodeTrigger(shard, flat[i] as TriggerKey, String(flat[i + 1]), dueAt));
  }
  return triggers;
}
