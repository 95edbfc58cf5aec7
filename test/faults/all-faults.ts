import type { Fault } from './fault.js';
import { FAILOVER_FAULTS } from './injections/failover-faults.js';
import { NETWORK_FAULTS } from './injections/network-faults.js';
import { PROCESS_FAULTS } from './injections/process-faults.js';
import { REDIS_FAULTS } from './injections/redis-faults.js';
import { ZOOKEEPER_FAULTS } from './injections/zookeeper-faults.js';

export const ALL_FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...NETWORK_FAULTS,
  ...REDIS_FAULTS,
  ...ZOOKEEPER_FAULTS,
  ...FAILOVER_FAULTS,
];
