import { beforeEach, describe, expect, it } from 'vitest';
import { Acknowledgements } from '../../src/comet/acknowledgements.js';
import type { NodeEvent, UserRef } from '../../src/comet/mailbox.js';
import { MemoryMailbox } from '../../src/comet/memory/memory-mailbox.js';
import { MessageSender } from '../../src/comet/message-sender.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { ManualClock } from '../support/manual-clock.js';

const ada: UserRef = { namespace: 'shop', user: 'ada' };

class LossyMailbox extends MemoryMailbox {
  unreachable: string | undefined;
  publications = 0;

  override async publish(node: string, events: readonly NodeEvent[]): Promise<void> {
    this.publications += 1;
    if (node === this.unreachable) throw new Error('cut off');
    await super.publish(node, events);
  }
}

describe('message sender', () => {
  let mailbox: LossyMailbox;
  let metrics: Metrics;
  let sender: MessageSender;
  let heard: NodeEvent[];

  beforeEach(async () => {
    mailbox = new LossyMailbox({ clock: new ManualClock() }, { messages: 2, connections: 4 });
    metrics = new Metrics();
    sender = new MessageSender({ mailbox, logger: silentLogger, metrics });
    heard = [];
    await mailbox.subscribe('n1', { onEvents: (events) => heard.push(...events), onGap: () => undefined });
  });

  const routeTo = (node: string, user = ada) =>
    mailbox.putRoute(user, { connection: `c-${node}-${user.user}`, node, transport: 'sse', device: 'd' });
  const send = (users: string[], dedupKey = 'k') =>
    sender.send({ namespace: 'shop', users, message: { title: 'Hi' }, dedupKey, scheduledAt: 1000 });

  it('stores first and then tells the nodes of the user', async () => {
    await routeTo('n1');
    expect(await send(['ada', 'bob'])).toMatchObject([
      { user: 'ada', outcome: 'delivered', seq: 1 },
      { user: 'bob', outcome: 'stored', seq: 1 },
    ]);
    expect(heard).toMatchObject([
      { type: 'message', user: 'shop/ada', message: { seq: 1, title: 'Hi', scheduledAt: 1000 } },
    ]);
  });

  it('tells a node about many users at once', async () => {
    const users = Array.from({ length: 450 }, (_, i) => `u${i}`);
    for (const user of users) await routeTo('n1', { ...ada, user });
    const sent = await send(users);
    expect(sent.map(({ user }) => user)).toEqual(users);
    expect(heard).toHaveLength(450);
    expect(mailbox.publications).toBe(3);
  });

  it('says stored when no node could be told; the message is there all the same', async () => {
    await routeTo('n1');
    mailbox.unreachable = 'n1';
    expect(await send(['ada'])).toMatchObject([{ outcome: 'stored' }]);
    expect((await mailbox.read(ada, { limit: 5 })).messages).toHaveLength(1);
  });

  it('points to the stored message when it is sent again, in case the first time ended half-way', async () => {
    await routeTo('n1');
    mailbox.unreachable = 'n1';
    await send(['ada']);
    mailbox.unreachable = undefined;
    expect(await send(['ada'])).toMatchObject([{ outcome: 'duplicate', seq: 1 }]);
    expect(heard).toMatchObject([{ type: 'top', user: 'shop/ada', seq: 1 }]);
  });

  it('counts what it did, also what full mailboxes dropped unseen', async () => {
    for (const key of ['a', 'b', 'c', 'c']) await send(['ada'], key);
    const text = await metrics.expose();
    expect(text).toContain('cloudjob_comet_messages_total{outcome="stored"} 3');
    expect(text).toContain('cloudjob_comet_messages_total{outcome="duplicate"} 1');
    expect(text).toContain('cloudjob_comet_messages_total{outcome="dropped"} 1');
  });

  it('refuses to send to nobody', async () => {
    await expect(send([])).rejects.toMatchObject({ code: 'CJ_VALIDATION_FAILED' });
  });

  it('keeps a receipt that the other devices could not be told of', async () => {
    await routeTo('n1');
    const [sent] = await send(['ada']);
    mailbox.unreachable = 'n1';
    const acknowledgements = new Acknowledgements({ mailbox, logger: silentLogger });
    const said = { type: 'receipt', device: 'd', epoch: sent?.epoch ?? '', seq: 1, kind: 'clicked' } as const;
    expect(await acknowledgements.apply(ada, said)).toBe(true);
    expect((await mailbox.listInbox(ada, { limit: 1 })).items[0]?.receipts.clicked?.device).toBe('d');
    expect(await acknowledgements.apply(ada, { ...said, seq: 2 })).toBe(false);
  });
});
