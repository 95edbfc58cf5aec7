import { describe } from 'vitest';
import { describeAttempts } from './execution-store-attempts.contract.js';
import { describeCallers } from './execution-store-callers.contract.js';
import { describeCompletion } from './execution-store-completion.contract.js';
import { describeFencing } from './execution-store-fencing.contract.js';
import { describeFiring } from './execution-store-firing.contract.js';
import { describeUpkeep } from './execution-store-upkeep.contract.js';
import type { StoresFactory } from './factory.js';

export function describeExecutionStore(name: string, makeStores: StoresFactory): void {
  describe(`${name}: ExecutionStore`, () => {
    describeFencing(makeStores);
    describeFiring(makeStores);
    describeAttempts(makeStores);
    describeCompletion(makeStores);
    describeUpkeep(makeStores);
    describeCallers(makeStores);
  });
}
