import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { ManualClock } from '../support/manual-clock.js';
import { describeEventBus } from './event-bus.contract.js';
import { describeExecutionStore } from './execution-store.contract.js';
import type { StoresUnderTest } from './factory.js';
import { describeJobStore } from './job-store.contract.js';
import { describeNodeRegistry } from './node-registry.contract.js';

async function memoryStores(): Promise<StoresUnderTest> {
  const clock = new ManualClock();
  const stores = new MemoryStores({ clock });
  await stores.start();
  return { stores, advance: (ms) => clock.advance(ms), close: () => stores.stop() };
}

describeJobStore('memory', memoryStores);
describeExecutionStore('memory', memoryStores);
describeNodeRegistry('memory', memoryStores);
describeEventBus('memory', memoryStores);
