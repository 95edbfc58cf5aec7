import type { ReconcilePage, ReconcileStore } from '../reconcile-store.js';

/**
 * In memory there is nothing to compare: a record and the sets that it is in are changed in one step of the event
 * loop, by one function, and nobody else can reach them.
 */
export class MemoryReconcileStore implements ReconcileStore {
  async reconcile(): Promise<ReconcilePage> {
    return { seenCount: 0, repairs: [], triggers: [], nextCursor: null };
  }
}
