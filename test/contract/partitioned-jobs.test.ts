import { memoryStores, redisStores } from './implementations.js';
import { describePartitionedJobs } from './partitioned-jobs.contract.js';

describePartitionedJobs('memory', memoryStores);
describePartitionedJobs('redis', redisStores);
