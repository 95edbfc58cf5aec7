// One worker process of CloudJob. Executions and their results are kept for a day, as is the default.
import { Worker } from '../../dist/client/worker.js';
import { Metrics } from '../../dist/runtime/metrics.js';
import { Recorder, resultOf, serveReports } from '../work.mjs';
import { CLUSTER, HANDLER } from './cloudjob.mjs';

const { url, concurrency } = JSON.parse(process.argv[2]);
const recorder = new Recorder();
const metrics = new Metrics();
// Counted by the worker when the store has answered the settlement of an attempt.
const count = metrics.attempts.inc.bind(metrics.attempts);
metrics.attempts.inc = (labels, value) => {
  if (labels.outcome === 'succeeded') recorder.ended();
  count(labels, value);
};
const worker = new Worker({ redis: url, cluster: CLUSTER, concurrency, metrics });
worker.handle(HANDLER, (context) => {
  recorder.started(context.executionId, context.dueAt.getTime());
  return resultOf(context.data);
});
await worker.start();
serveReports(recorder, () => worker.stop());
