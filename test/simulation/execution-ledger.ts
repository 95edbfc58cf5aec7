import type { Execution, ExecutionId } from '../../src/domain/execution.js';
import type { Fires, Succession } from './fires.js';
import type { SimProcess } from './sim-process.js';
import type { StoreCall } from './sim-store.js';
import { Violation } from './violation.js';

interface Followed {
  state: string;
  attempt: number;
  token: string | null;
  leaseUntil: number;
  /** The lease that ended before this one without word from its worker. */
  formerToken: string | null;
  readonly succession: Succession | null;
}

interface Run {
  readonly process: SimProcess;
  readonly attempt: number;
  readonly startedAt: number;
}

/** Written down here once more, not taken from the product. */
const MOVES: Readonly<Record<string, readonly string[]>> = {
  queued: ['running', 'cancelled'],
  running: ['succeeded', 'retrying', 'failed', 'cancelled', 'queued'],
  retrying: ['queued', 'cancelled'],
};

/** What was on its way when the handler ended may come a minute later. */
const LATE_EXTENSION_MS = 120_000;

/** Follows every execution from what the store writes, and every handler from what the workers do. */
export class ExecutionLedger {
  readonly #fires: Fires;
  readonly #executions = new Map<ExecutionId, Followed>();
  /** The newest of each succession, and whether it has ended. */
  readonly #lasts = new Map<string, { readonly id: ExecutionId; hasEnded: boolean }>();
  readonly #runs = new Map<ExecutionId, Set<Run>>();
  /** True time at which the last handler of each ended. */
  readonly #idleSince = new Map<ExecutionId, number>();
  readonly #trueNow: () => number;
  /** True time at which the store's clock was set last: leases end early then. */
  clockSetAt = -Infinity;
  attempts = 0;
  rescued = 0;

  /** Called when an execution runs whose former lease ended without word. */
  onClaimedAgain: (id: ExecutionId, formerToken: string) => void = () => undefined;

  constructor(fires: Fires, { trueNow }: { readonly trueNow: () => number }) {
    this.#fires = fires;
    this.#trueNow = trueNow;
  }

  /** Of those that have not come to an end. */
  *open(): Generator<{ readonly id: ExecutionId; readonly state: string }> {
    for (const [id, { state }] of this.#executions) if (MOVES[state] !== undefined) yield { id, state };
  }

  /** The record as the store files it; `call` is what it does just now. */
  filed(record: Execution, call: StoreCall | null, now: number): void {
    const known = this.#executions.get(record.id);
    if (known === undefined) {
      this.#fires.recorded(record, now);
      this.#executions.set(record.id, this.#begin(record));
      return;
    }
    if (known.state === 'failed' && call?.method === 'retryExecution') this.#revive(known, record);
    else this.#move(known, { record, call, now });
  }

  deleted(id: ExecutionId): void {
    const known = this.#executions.get(id);
    if (known !== undefined && MOVES[known.state] !== undefined)
      throw new Violation('I4', `${id} was deleted while ${known.state}`);
    // Only its identity is kept, so that nobody records it again.
  }

  extended(id: ExecutionId, token: string, until: number): void {
    const known = this.#executions.get(id);
    if (known?.token !== token) throw new Violation('I7', `${id}: a lease was extended that is not held`);
    const idleMs = this.#trueNow() - (this.#idleSince.get(id) ?? Infinity);
    if (idleMs > LATE_EXTENSION_MS)
      throw new Violation('I4', `${id}: its lease is extended ${idleMs} ms after its handler has ended`);
    known.leaseUntil = until;
  }

  handlerStarted(process: SimProcess, execution: { id: ExecutionId; attempt: number }, at: number): () => void {
    const run = { process, attempt: execution.attempt, startedAt: at };
    const runs = this.#runs.get(execution.id) ?? new Set();
    this.#runs.set(execution.id, runs);
    for (const other of runs) if (this.#overlaps(other, process)) this.#failOverlap(execution.id, other, run);
    runs.add(run);
    this.#idleSince.delete(execution.id);
    this.attempts += 1;
    return () => {
      runs.delete(run);
      if (runs.size > 0) return;
      this.#runs.delete(execution.id);
      this.#idleSince.set(execution.id, this.#trueNow());
    };
  }

  #overlaps({ process, startedAt }: Run, starting: SimProcess): boolean {
    if (!process.isAlive || process.isPaused || process.lastPausedAt >= startedAt) return false;
    return this.clockSetAt < startedAt && starting.lastPausedAt < startedAt;
  }

  #failOverlap(id: ExecutionId, former: Run, now: Run): never {
    const text = `attempt ${now.attempt} on ${now.process.name}, attempt ${former.attempt} on ${former.process.name}`;
    throw new Violation('I7', `${id} runs twice: ${text}`);
  }

  #begin(record: Execution): Followed {
    const { id, state, attempt } = record;
    const succession = state === 'missed' ? null : this.#fires.successionOf(record);
    const followed = { state, attempt, token: null, leaseUntil: 0, formerToken: null, succession };
    if (succession === null) return followed;
    const last = this.#lasts.get(succession.key);
    const isBusy = last?.hasEnded === false;
    if (state === 'queued' && succession.overlap !== 'allow' && isBusy)
      throw new Violation('overlap', `${id} was queued while ${last.id} had not ended`);
    if (state === 'skipped' && (succession.overlap !== 'skip' || !isBusy))
      throw new Violation('overlap', `${id} was skipped for nothing`);
    if (state === 'queued') this.#lasts.set(succession.key, { id, hasEnded: false });
    return followed;
  }

  #revive(known: Followed, record: Execution): void {
    const { state, attempt } = record;
    if (state !== 'queued' || attempt !== known.attempt) throw new Violation('forward', `revived as ${state}`);
    known.state = state;
    this.#setEnded(known, record.id, false);
    this.#fires.revived(record);
  }

  #setEnded({ succession }: Followed, id: ExecutionId, hasEnded: boolean): void {
    const last = this.#lasts.get(succession?.key ?? '');
    if (last?.id === id) last.hasEnded = hasEnded;
  }

  #move(known: Followed, { record, call, now }: { record: Execution; call: StoreCall | null; now: number }): void {
    const { id, state, attempt, maxAttempts } = record;
    if (MOVES[known.state]?.includes(state) !== true)
      throw new Violation('forward', `${id} went from ${known.state} to ${state}`);
    if (attempt > maxAttempts) throw new Violation('attempts', `${id}: attempt ${attempt} of ${maxAttempts}`);
    if (state === 'running') this.#claim(known, { record, call, now });
    else if (known.state === 'running') this.#leave(known, { record, call, now });
    known.state = state;
    known.attempt = attempt;
    if (MOVES[state] !== undefined) return;
    this.#idleSince.delete(id);
    this.#setEnded(known, id, true);
    this.#fires.ended(record, now);
  }

  #claim(known: Followed, { record, call, now }: { record: Execution; call: StoreCall | null; now: number }): void {
    if (call?.method !== 'claim') throw new Violation('I7', `${record.id} runs, and nobody has claimed it`);
    if (record.attempt !== known.attempt + 1)
      throw new Violation('attempts', `${record.id}: attempt ${record.attempt} after ${known.attempt}`);
    const { token, leaseMs } = call.args[1] as { token: string; leaseMs: number };
    known.token = token;
    known.leaseUntil = now + leaseMs;
    if (known.formerToken !== null) this.onClaimedAgain(record.id, known.formerToken);
    known.formerToken = null;
  }

  #leave(known: Followed, { record, call, now }: { record: Execution; call: StoreCall | null; now: number }): void {
    const { id, attempt, state } = record;
    if (call?.method === 'settle') {
      const items = call.args[1] as readonly { id: ExecutionId; token: string; settlement: { type: string } }[];
      const item = items.find((candidate) => candidate.id === id && candidate.token === known.token);
      if (item === undefined) throw new Violation('I7', `${id} became ${state} by the word of one without the lease`);
      const isUncounted = item.settlement.type === 'released' && state === 'queued';
      const expected = isUncounted ? known.attempt - 1 : known.attempt;
      if (attempt !== expected) throw new Violation('attempts', `${id}: attempt ${attempt}, not ${expected}`);
    } else {
      if (call?.method !== 'rescueExpired') throw new Violation('I7', `${id} was taken away by ${call?.method}`);
      if (now < known.leaseUntil) throw new Violation('I7', `${id} was taken back before its lease had ended`);
      if (attempt !== known.attempt) throw new Violation('attempts', `${id}: attempt ${attempt} after a rescue`);
      this.rescued += 1;
      known.formerToken = known.token;
    }
    known.token = null;
  }
}
