import type { LeadershipTerm } from '../leader/leadership-term.js';
import type { Metrics } from '../runtime/metrics.js';
import type { Probe } from '../runtime/probe.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { ClusterEvent, EventBus } from '../store/event-bus.js';
import type { FireDecision } from '../store/execution-store.js';
import { fireEvent, missedEvents } from '../store/fire-events.js';
import type { FireAnswer } from './fire-dispatcher.js';

export interface FireReporterDeps {
  readonly term: LeadershipTerm;
  readonly events: EventBus;
  readonly clusterClock: ClusterClock;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

/** Tells metrics, watchers and tests what was written: one publication for each answer of the store. */
export class FireReporter {
  readonly #deps: FireReporterDeps;

  constructor(deps: FireReporterDeps) {
    this.#deps = deps;
  }

  report(decisions: readonly FireDecision[], { results, isRepeated }: FireAnswer): void {
    const { events, clusterClock, metrics, probe, term } = this.#deps;
    const place = { at: Math.floor(clusterClock.now()), shard: term.shard, epoch: term.epoch };
    const batch: ClusterEvent[] = [];
    let firedCount = 0;
    for (const [index, decision] of decisions.entries()) {
      const result = results[index];
      if (result === null) continue;
      if (result === undefined || result.outcome !== 'fired') {
        metrics.fires.inc({
          outcome: isRepeated && result?.outcome === 'stale' ? 'unconfirmed' : (result?.outcome ?? 'unconfirmed'),
        });
        continue;
      }
      const { skippedCount } = result;
      const queuedCount = decision.fires.length - skippedCount;
      firedCount += queuedCount;
      for (const fire of decision.fires) metrics.fireLateness.observe(Math.max(0, place.at - fire.dueAt) / 1000);
      if (queuedCount > 0) batch.push(fireEvent('fired', decision, place, { count: queuedCount }));
      if (skippedCount > 0) {
        metrics.fires.inc({ outcome: 'skipped' }, skippedCount);
        batch.push(fireEvent('skipped', decision, place, { count: skippedCount, reason: 'overlap' }));
      }
      for (const { count, reason } of decision.missed) metrics.misses.inc({ reason }, count);
      batch.push(...missedEvents(decision, place));
    }
    if (firedCount > 0) metrics.fires.inc({ outcome: 'fired' }, firedCount);
    if (batch.length > 0) events.publish(batch);
    probe.signal('fired', { shard: term.shard, epoch: term.epoch, count: decisions.length, firedCount });
  }
}
