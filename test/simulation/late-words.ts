import { parseExecutionId, type ExecutionId } from '../../src/domain/execution.js';
import type { LeaseToken } from '../../src/domain/lease.js';
import { Random } from '../faults/random.js';
import type { World } from './members.js';
import { SimProcess } from './sim-process.js';

/** Some come before the new attempt has ended. */
const LATEST_MS = 1500;

/**
 * What a worker had sent before its lease ended and what arrives only now that another has the execution. By chance
 * it hardly ever meets the time in which the other attempt runs; here it does.
 */
export class LateWords {
  /** Of its own: the rest of a run stays the same. */
  readonly #random: Random;
  count = 0;

  constructor({ sim, store, auditor, metrics }: World) {
    this.#random = new Random(sim.seed ^ 0x4cf5ad43);
    const past = new SimProcess(sim, 'the past');
    const { executions } = store.connect(past, metrics).stores;
    const send = async (id: ExecutionId, token: LeaseToken): Promise<void> => {
      const shard = parseExecutionId(id)?.shard ?? 0;
      const settlement = { type: 'succeeded', retentionMs: 60_000 } as const;
      await executions.extend(shard, [{ id, token }], 60_000);
      await executions.settle(shard, [{ id, token, settlement }]);
    };
    auditor.executions.onClaimedAgain = (id, token) => {
      this.count += 1;
      sim.schedule(this.#random.next() * LATEST_MS, past, () => {
        // It may get lost, as everything.
        send(id, token as LeaseToken).catch(() => undefined);
      });
    };
  }
}
