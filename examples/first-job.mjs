// One job, every second, run by this process. Needs a Redis and a scheduler, e.g. from `npm run cluster`:
//   CLOUDJOB_REDIS=redis://127.0.0.1:6379 CLOUDJOB_CLUSTER=local node examples/first-job.mjs
import { CloudJobClient, Worker } from 'cloudjob';

const redis = process.env.CLOUDJOB_REDIS ?? 'redis://127.0.0.1:6379';
const cluster = process.env.CLOUDJOB_CLUSTER ?? 'default';

let runs = 0;
const threeRuns = new Promise((resolve) => {
  const worker = new Worker({ redis, cluster });
  worker.handle('greet', (ctx) => {
    console.log(`${ctx.nominalAt.toISOString()} hello ${ctx.data.whom}, key ${ctx.idempotencyKey}`);
    runs += 1;
    if (runs === 3) resolve(worker);
    return { greeted: ctx.data.whom };
  });
  void worker.start();
});

const jobs = new CloudJobClient({ redis, cluster, namespace: 'examples' });
await jobs.putJob({
  name: 'hello',
  target: { type: 'handler', handler: 'greet' },
  schedule: { type: 'every', everyMs: 1000 },
  data: { whom: 'world' },
});
await jobs.run('hello', { whom: 'you' });

const worker = await threeRuns;
await jobs.deleteJob('hello');
await worker.stop();
await jobs.close();
