import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import type { Random } from '../faults/random.js';

export interface SeededSources {
  readonly random: Random;
  readonly uuid: typeof crypto.randomUUID;
  /** Stands in for `setImmediate`. */
  readonly defer: (fn: () => void) => void;
}

/**
 * The code under simulation draws jitter, lease tokens and turns of the event loop from Node. While `run` is on the
 * stack they come from the seed instead; before and after it everything else in this process (the test runner) has
 * its own. `run` must not leave work for the real event loop.
 */
export function withSeededGlobals(sources: SeededSources, run: () => void): void {
  const { random } = Math;
  const { setImmediate } = globalThis;
  const { randomUUID } = crypto;
  const { setImmediate: nextTurn } = timers;
  Math.random = () => sources.random.next();
  globalThis.setImmediate = ((fn: (...args: unknown[]) => void, ...args: unknown[]) =>
    sources.defer(() => fn(...args))) as unknown as typeof setImmediate;
  crypto.randomUUID = sources.uuid;
  timers.setImmediate = (<T>(value?: T) =>
    new Promise<T | undefined>((resolve) => sources.defer(() => resolve(value)))) as typeof nextTurn;
  syncBuiltinESMExports();
  try {
    run();
  } finally {
    Math.random = random;
    globalThis.setImmediate = setImmediate;
    crypto.randomUUID = randomUUID;
    timers.setImmediate = nextTurn;
    syncBuiltinESMExports();
  }
}
