import { describeBackfillStore } from './backfill-store.contract.js';
import { describeCalendarStore } from './calendar-store.contract.js';
import { describeEventBus } from './event-bus.contract.js';
import { describeExecutionStore } from './execution-store.contract.js';
import { redisStores } from './implementations.js';
import { describeJobStore } from './job-store.contract.js';
import { describeNodeRegistry } from './node-registry.contract.js';
import { describePlanningStore } from './planning-store.contract.js';
import { describeProgressStore } from './progress-store.contract.js';

describeJobStore('redis', redisStores);
describeExecutionStore('redis', redisStores);
describeNodeRegistry('redis', redisStores);
describeEventBus('redis', redisStores);
describeCalendarStore('redis', redisStores);
describePlanningStore('redis', redisStores);
describeBackfillStore('redis', redisStores);
describeProgressStore('redis', redisStores);
