import type { FireDecision } from '../domain/fire-plan.js';
import { splitJobKey } from '../domain/job.js';
import type { JsonObject } from '../domain/json.js';
import type { Epoch, ShardId } from '../domain/shard.js';
import type { EpochMs } from '../domain/time/instant.js';
import { jobKeyOfTrigger, triggerName } from '../domain/trigger.js';
import type { ClusterEvent } from './event-bus.js';

/** When and by whom a decision was written. */
export interface DecisionPlace {
  readonly at: EpochMs;
  readonly shard: ShardId;
  readonly epoch: Epoch;
}

/** What watchers are told of a decision that was written. */
export function fireEvent(
  type: 'fired' | 'skipped' | 'missed',
  { trigger, fires }: FireDecision,
  { at, shard, epoch }: DecisionPlace,
  facts: JsonObject,
): ClusterEvent {
  const { namespace, name } = splitJobKey(jobKeyOfTrigger(trigger));
  const fire = type === 'missed' ? undefined : fires.at(-1);
  return {
    type,
    at,
    namespace,
    facts: {
      ...{ job: name, trigger: triggerName(trigger), shard, epoch },
      ...(fire === undefined ? {} : { execution: fire.id, nominalAt: fire.nominalAt }),
      ...facts,
    },
  };
}

export function missedEvents(decision: FireDecision, place: DecisionPlace): readonly ClusterEvent[] {
  return decision.missed.map(({ count, reason, nominalAt, throughAt }) =>
    fireEvent('missed', decision, place, { count, reason, nominalAt, throughAt }),
  );
}
