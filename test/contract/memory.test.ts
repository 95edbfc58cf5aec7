import { describeBackfillStore } from './backfill-store.contract.js';
import { describeCalendarStore } from './calendar-store.contract.js';
import { describeEventBus } from './event-bus.contract.js';
import { describeExecutionStore } from './execution-store.contract.js';
import { memoryStores } from './implementations.js';
import { describeJobStore } from './job-store.contract.js';
import { describeNodeRegistry } from './node-registry.contract.js';
import { describePlanningStore } from './planning-store.contract.js';
import { describeProgressStore } from './progress-store.contract.js';

describeJobStore('memory', memoryStores);
describeExecutionStore('memory', memoryStores);
describeNodeRegistry('memory', memoryStores);
describeEventBus('memory', memoryStores);
describeCalendarStore('memory', memoryStores);
describePlanningStore('memory', memoryStores);
describeBackfillStore('memory', memoryStores);
describeProgressStore('memory', memoryStores);
