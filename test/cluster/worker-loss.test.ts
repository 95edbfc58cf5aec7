import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { jobKeyOf, parseJobDefinition } from '../../src/domain/job.js';
import { firstFire, parseTrigger, triggerKeyOf } from '../../src/domain/trigger.js';
import { eventually } from '../support/wait.js';
import { TestCluster } from './cluster-harness.js';
import { allExecutions } from './firing-log.js';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** An HTTP target that keeps each request open until the test answers it. */
async function startTarget() {
  const calls: { id: string; port: number; response: ServerResponse }[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    calls.push({ id: String(request.headers['webhook-id']), port: request.socket.remotePort ?? 0, response });
    request.resume();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, calls };
}

describe('a worker killed with an execution running', { timeout: 60_000 }, () => {
  it('is replaced by another within ten seconds, with the same idempotency key and attempt 2', async () => {
    const target = await startTarget();
    const cluster = await TestCluster.start({
      schedulers: 1,
      workers: 2,
      env: { CLOUDJOB_ALLOW_PRIVATE_TARGETS: 'true' },
    });
    closing.push(() => cluster.close());
    const key = jobKeyOf('faults', 'hook');
    const definition = parseJobDefinition({ target: { type: 'http', url: target.url } });
    const at = new Date(cluster.stores.clusterClock.now() + 500).toISOString();
    const { name, definition: trigger } = parseTrigger({ schedule: { type: 'at', at } }, definition);
    const write = {
      name,
      definition: trigger,
      ...firstFire(triggerKeyOf(key, name), trigger, cluster.stores.clusterClock.now()),
    };
    await cluster.stores.jobs.putJob({ key, definition, triggers: [write] });

    await eventually('the first call', () => target.calls.length === 1);
    const [running] = await allExecutions(cluster.stores.executions, 'faults', 'hook');
    expect(running).toMatchObject({ state: 'running', attempt: 1 });
    const victim = cluster.workers.find((worker) => running?.worker?.split('-').at(-2) === String(worker.child.pid));
    if (victim === undefined) throw new Error(`the worker ${running?.worker} is none of ours`);
    await victim.end('SIGKILL');
    const killedAt = performance.now();

    await eventually('the second call', () => target.calls.length === 2, { timeoutMs: 15_000 });
    expect(performance.now() - killedAt).toBeLessThanOrEqual(10_000);
    expect(target.calls[1]?.id).toBe(target.calls[0]?.id);
    target.calls[1]?.response.end('ok');
    const ended = await eventually('the end', async () => {
      const [record] = await allExecutions(cluster.stores.executions, 'faults', 'hook');
      return record?.state === 'succeeded' ? record : undefined;
    });
    expect(ended).toMatchObject({ state: 'succeeded', attempt: 2 });
    expect(ended.worker).not.toBe(running?.worker);
  });
});
