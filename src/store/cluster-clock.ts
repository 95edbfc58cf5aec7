import type { Clock } from '../runtime/clock.js';

/** The store's clock, which is the cluster's: what is due, and when a lease ends, follows it and nothing else. */
export interface ClusterClock {
  /** Estimate of the store's wall time now, in ms. May err by half a round trip; the store checks again itself. */
  now(): number;
  /** Local wall clock minus the store's, in ms. */
  offsetMs(): number;
  /** By how much the local wall clock is certainly wrong against the store's, in ms: what a measurement may err is taken off. */
  skewMs(): number;
}

/** For stores that live in this process. */
export function localClusterClock(clock: Clock): ClusterClock {
  return { now: () => clock.now(), offsetMs: () => 0, skewMs: () => 0 };
}
