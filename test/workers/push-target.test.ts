import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PushCaller, type PushRequest, type PushResult } from '../../src/workers/push-target.js';
import { WorkerBench } from './worker-bench.js';

let bench: WorkerBench;
let requests: PushRequest[];
let answer: () => Promise<readonly PushResult[]>;

beforeEach(async () => {
  bench = new WorkerBench();
  await bench.memory.start();
  requests = [];
  answer = () => Promise.resolve([{ user: 'ann', outcome: 'delivered' }]);
  const sender = {
    send: (request: PushRequest) => {
      requests.push(request);
      return answer();
    },
  };
  await bench.worker({}, { deps: { push: new PushCaller({ sender }) } }).start();
});

afterEach(() => bench.close());

describe('a push target', () => {
  it('sends the message of the job to its users under the key of the fire, and counts what became of it', async () => {
    answer = () =>
      Promise.resolve([
        { user: 'ann', outcome: 'delivered' },
        { user: 'bob', outcome: 'stored' },
        { user: 'eve', outcome: 'stored' },
      ]);
    const target = { type: 'push', users: ['ann', 'bob', 'eve'], message: { title: 'Tea' }, ttlMs: 60_000 };
    const record = await bench.record(await bench.run('tea', { target }));
    expect(record).toMatchObject({ state: 'succeeded', result: { delivered: 1, stored: 2, duplicate: 0 } });
    expect(requests).toEqual([
      {
        namespace: 'shop',
        users: ['ann', 'bob', 'eve'],
        message: { title: 'Tea' },
        dedupKey: `shop/tea@${record.id}`,
        scheduledAt: record.nominalAt,
        ttlMs: 60_000,
      },
    ]);
  });

  it('takes users and parts of the message from the data where it names them', async () => {
    const target = { type: 'push', users: ['ann'], message: { title: 'Birthday', body: 'of somebody' } };
    await bench.run(
      'birthday',
      { target },
      { users: ['bob'], message: { body: 'of Zoë', data: { age: 9 } }, other: 1 },
    );
    expect(requests).toMatchObject([
      { users: ['bob'], message: { title: 'Birthday', body: 'of Zoë', data: { age: 9 } } },
    ]);
  });

  it.each([
    ['no users', { type: 'push', message: { title: 'x' } }, {}],
    ['no message', { type: 'push', users: ['ann'] }, {}],
    ['users that are no list', { type: 'push', message: { title: 'x' } }, { users: 'ann' }],
    ['a user that cannot be', { type: 'push', message: { title: 'x' } }, { users: ['a b'] }],
    ['a message that is no object', { type: 'push', users: ['ann'] }, { message: 'x' }],
  ])('with %s fails at once, since no retry can help', async (_what, target, data) => {
    const record = await bench.record(await bench.run('p', { target }, data));
    expect(record).toMatchObject({ state: 'failed', reason: 'discarded' });
    expect(requests).toEqual([]);
  });

  it('is retried when the sender fails', async () => {
    answer = () => Promise.reject(new Error('no mailbox'));
    const record = await bench.record(
      await bench.run('p', { target: { type: 'push', users: ['ann'], message: { title: 'x' } } }),
    );
    expect(record).toMatchObject({ state: 'retrying', error: { message: 'no mailbox' } });
  });

  it('that became another kind of target after the fire is refused', async () => {
    const worker = new WorkerBench();
    await worker.memory.start();
    const id = await worker.run('p', { target: { type: 'push', users: ['ann'], message: { title: 'x' } } });
    await worker.client.putJob({ name: 'p', target: { type: 'http', url: 'http://127.0.0.1/' } });
    const sender = { send: () => Promise.resolve([]) };
    await worker.worker({}, { deps: { push: new PushCaller({ sender }) } }).start();
    expect(await worker.record(id)).toMatchObject({ state: 'failed', error: { code: 'CJ_TARGET_REFUSED' } });
    await worker.close();
  });
});
