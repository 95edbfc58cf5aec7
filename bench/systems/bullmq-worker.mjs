// One worker process of BullMQ. Jobs and their results are kept, as is BullMQ's default.
import { Worker } from 'bullmq';
import { Recorder, resultOf, serveReports } from '../work.mjs';
import { QUEUE, connectionOf, nominalTimeOf } from './bullmq.mjs';

const { port, concurrency } = JSON.parse(process.argv[2]);
const recorder = new Recorder();
const worker = new Worker(
  QUEUE,
  async (job) => {
    recorder.started(job.id, nominalTimeOf(job));
    return resultOf(job.data);
  },
  { connection: connectionOf(port), concurrency },
);
worker.on('completed', () => recorder.ended());
worker.on('error', (error) => process.stderr.write(`${error.stack}\n`));
await worker.waitUntilReady();
serveReports(recorder, () => worker.close());
