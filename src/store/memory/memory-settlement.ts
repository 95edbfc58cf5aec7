import type { Execution, ExecutionError } from '../../domain/execution.js';
import type { LeaseToken } from '../../domain/lease.js';
import type { EpochMs } from '../../domain/time/instant.js';
import type { SettleOutcome, Settlement } from '../execution-store.js';
import type { MemoryShard, StoredExecution } from './memory-shard.js';

const LEASE_EXPIRED: ExecutionError = {
  code: 'CJ_LEASE_LOST',
  message: 'the lease ended without word from the worker',
};

/** Ends an attempt as its worker says. `lost` when another attempt, or none, holds the execution now. */
export function settle(
  shard: MemoryShard,
  { stored, token }: { stored: StoredExecution | undefined; token: LeaseToken },
  settlement: Settlement,
  now: EpochMs,
): SettleOutcome {
  if (stored === undefined) return 'lost';
  if (stored.token !== token) return stored.settledBy === token ? 'repeated' : 'lost';
  apply(shard, stored, settlement, now);
  stored.settledBy = token;
  return 'settled';
}

function apply(shard: MemoryShard, stored: StoredExecution, settlement: Settlement, now: EpochMs): void {
  switch (settlement.type) {
    case 'succeeded': {
      const result = settlement.result === undefined ? {} : { result: structuredClone(settlement.result) };
      shard.end(stored, { state: 'succeeded', ...result }, { now, retentionMs: settlement.retentionMs });
      break;
    }
    case 'failed': {
      const { error, reason, retentionMs } = settlement;
      shard.end(stored, { state: 'failed', error, reason }, { now, retentionMs });
      break;
    }
    case 'cancelled':
      shard.end(
        stored,
        { state: 'cancelled', reason: settlement.reason },
        { now, retentionMs: settlement.retentionMs },
      );
      break;
    case 'retry':
      if (stored.record.cancelRequested === true) cancel(shard, stored, now);
      else shard.retryLater(stored, { error: settlement.error }, now + settlement.retryInMs);
      break;
    case 'released':
      if (stored.record.cancelRequested === true) cancel(shard, stored, now);
      else shard.requeue(stored, neverStarted(stored.record));
      break;
  }
}

/** What follows when a lease has expired. */
export function rescue(shard: MemoryShard, stored: StoredExecution, now: EpochMs): 'requeued' | 'failed' | 'cancelled' {
  const { record } = stored;
  if (record.cancelRequested === true) {
    cancel(shard, stored, now);
    return 'cancelled';
  }
  if (record.attempt < record.maxAttempts) {
    shard.requeue(stored, { ...record, error: LEASE_EXPIRED });
    return 'requeued';
  }
  const retentionMs = shard.retentionOf(record, 'failed');
  shard.end(stored, { state: 'failed', reason: 'attempts-used-up', error: LEASE_EXPIRED }, { now, retentionMs });
  return 'failed';
}

function cancel(shard: MemoryShard, stored: StoredExecution, now: EpochMs): void {
  const retentionMs = shard.retentionOf(stored.record, 'cancelled');
  shard.end(stored, { state: 'cancelled', reason: 'cancelled' }, { now, retentionMs });
}

function neverStarted(record: Execution): Execution {
  const { worker: _worker, startedAt: _startedAt, ...rest } = record;
  return { ...rest, attempt: record.attempt - 1 };
}
