export { ManualClock } from './manual-clock.js';
export { TestCloudJob, type TestCloudJobOptions } from './test-cloudjob.js';
