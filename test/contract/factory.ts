import { onTestFinished } from 'vitest';
import type { Stores } from '../../src/store/stores.js';

/** One implementation, opened for one test. */
export interface StoresUnderTest {
  readonly stores: Stores;
  /** Lets at least `ms` pass by the store's clock: at once, or by really waiting. Cases ask for little. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens fresh, empty stores. */
export type StoresFactory = () => Promise<StoresUnderTest>;

/** Stores for the running test, closed when it ends. */
export async function open(makeStores: StoresFactory): Promise<StoresUnderTest> {
  const opened = await makeStores();
  onTestFinished(() => opened.close());
  return opened;
}
