import { describeEventBus } from './event-bus.contract.js';
import { describeExecutionStore } from './execution-store.contract.js';
import { redisStores } from './implementations.js';
import { describeJobStore } from './job-store.contract.js';
import { describeNodeRegistry } from './node-registry.contract.js';

describeJobStore('redis', redisStores);
describeExecutionStore('redis', redisStores);
describeNodeRegistry('redis', redisStores);
describeEventBus('redis', redisStores);
