import { describeEventBus } from './event-bus.contract.js';
import { describeExecutionStore } from './execution-store.contract.js';
import { memoryStores } from './implementations.js';
import { describeJobStore } from './job-store.contract.js';
import { describeNodeRegistry } from './node-registry.contract.js';

describeJobStore('memory', memoryStores);
describeExecutionStore('memory', memoryStores);
describeNodeRegistry('memory', memoryStores);
describeEventBus('memory', memoryStores);
