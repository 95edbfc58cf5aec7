import { afterEach, describe, expect, it } from 'vitest';
import { freePorts, startRedis } from '../../scripts/servers.mjs';
import type { Position } from '../../src/comet/mailbox.js';
import { TestWebSocket } from '../comet/support/test-client.js';
import { API_KEY, NodeProcess } from './cluster-harness.js';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const USERS = Array.from({ length: 50 }, (_, i) => `user-${i}`);
const ROUNDS = 40;

async function post(node: NodeProcess, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${node.url}/v1/namespaces/default/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

describe('a comet node killed under its connections', { timeout: 60_000 }, () => {
  it('loses no message and doubles none: clients go on elsewhere where they stopped', async () => {
    const redis = await startRedis();
    closing.push(() => redis.stop());
    const variables = { CLOUDJOB_REDIS: redis.url, CLOUDJOB_API_KEY: API_KEY, CLOUDJOB_LOG_LEVEL: 'warn' };
    const nodes = (await freePorts(2)).map((port) => new NodeProcess('api,comet', port, variables));
    for (const node of nodes) closing.push(() => node.end());
    const [victim, survivor] = nodes;
    if (victim === undefined || survivor === undefined) throw new Error('two nodes are needed');
    await Promise.all(nodes.map((node) => node.ready()));

    const connect = async (node: NodeProcess, user: string, position?: Position): Promise<TestWebSocket> => {
      const { ticket } = (await post(survivor, `users/${user}/tickets`, {})) as { ticket: string };
      const client = new TestWebSocket(new URL(node.url).host, { ticket, position });
      closing.push(async () => client.cut());
      await client.frame('ready');
      return client;
    };
    const first = await Promise.all(USERS.map((user) => connect(victim, user)));

    let killed: Promise<void> | undefined;
    for (let i = 1; i <= ROUNDS; i++) {
      await post(survivor, 'messages', { users: USERS, message: { title: `m${i}` }, dedupKey: `m${i}` });
      if (i === ROUNDS / 2) killed = victim.end('SIGKILL');
    }
    await killed;

    const all = Array.from({ length: ROUNDS }, (_, i) => i + 1);
    const interrupted = await Promise.all(
      first.map(async (client, i) => {
        await client.closed;
        const again = await connect(survivor, USERS[i] ?? '', await client.position());
        await again.message(`m${ROUNDS}`);
        expect([...client.seqs, ...again.seqs]).toEqual(all);
        expect(await again.frame('ready')).toMatchObject({ recovered: true });
        return client.seqs.length < ROUNDS;
      }),
    );
    // The kill came in the middle, or the test has shown nothing.
    expect(interrupted).toContain(true);
  });
});
