import { beforeEach, describe, expect, it } from 'vitest';
import type { Mailbox, MailboxLimits, NewMessage, NodeEvent, Route, UserRef } from '../../src/comet/mailbox.js';

export interface MailboxSetup {
  readonly mailbox: Mailbox;
  /** Lets so much of the mailbox's time pass. */
  pass(ms: number): Promise<void>;
}

const LIMITS: MailboxLimits = { messages: 5, connections: 3 };
const user: UserRef = { namespace: 'shop', user: 'ada@example.com' };
const HOUR = 3_600_000;

/** What every mailbox does. `make` gives an empty one with the limits it is called with. */
export function describeMailbox(name: string, make: (limits: MailboxLimits) => Promise<MailboxSetup>): void {
  describe(`mailbox: ${name}`, () => {
    let mailbox: Mailbox;
    let pass: (ms: number) => Promise<void>;

    beforeEach(async () => {
      ({ mailbox, pass } = await make(LIMITS));
    });

    const send = (key: string, extra: Partial<NewMessage> = {}, to = user) =>
      mailbox.append(to, { key, title: `Title ${key}`, ttlMs: HOUR, ...extra });
    const route = (connection: string, extra: Partial<Route> = {}): Route => ({
      connection,
      node: 'node-1',
      transport: 'websocket',
      device: 'phone',
      ...extra,
    });
    const readFrom = async (seq: number, limit = 10) => {
      const { epoch } = await mailbox.read(user, { limit: 1 });
      return mailbox.read(user, { after: { epoch, seq }, limit });
    };

    it('numbers the messages of a user from 1 within one epoch', async () => {
      const first = await send('a');
      const second = await send('b');
      expect([first.seq, second.seq]).toEqual([1, 2]);
      expect(first.epoch).toMatch(/^[0-9a-f]{12}$/);
      expect(second.epoch).toBe(first.epoch);
      const other = await send('a', {}, { ...user, user: 'bob' });
      expect(other.seq).toBe(1);
      expect(other.epoch).not.toBe(first.epoch);
    });

    it('keeps users of one name in two namespaces apart', async () => {
      await send('a');
      const page = await mailbox.read({ namespace: 'other', user: user.user }, { limit: 10 });
      expect(page).toEqual({ epoch: '', top: 0, from: 0, through: 0, recovered: true, earliest: 1, messages: [] });
    });

    it('returns what was stored, whole', async () => {
      const content = {
        title: 'Dentist',
        body: 'Bring the card',
        data: { nested: [1, 'x', null] },
        scheduledAt: 1_800_000_000_000,
      };
      const sent = await send('a', content);
      const page = await mailbox.read(user, { limit: 10 });
      expect(page.messages).toEqual([sent.message]);
      expect(sent.message).toMatchObject({ ...content, key: 'a', seq: 1 });
      expect(sent.message?.expiresAt).toBe((sent.message?.sentAt ?? 0) + HOUR);
    });

    it('stores a message with a known key once', async () => {
      const first = await send('a');
      const again = await send('a', { title: 'Other' });
      expect(again).toEqual({ epoch: first.epoch, seq: 1, duplicate: true, nodes: [], droppedCount: 0 });
      expect((await mailbox.read(user, { limit: 10 })).messages).toHaveLength(1);
    });

    it('reads page by page after a position', async () => {
      for (const key of ['a', 'b', 'c', 'd']) await send(key);
      const first = await mailbox.read(user, { limit: 3 });
      expect(first).toMatchObject({ top: 4, from: 0, through: 3, recovered: true, earliest: 1 });
      expect(first.messages.map((message) => message.key)).toEqual(['a', 'b', 'c']);
      const second = await readFrom(first.through, 3);
      expect(second).toMatchObject({ top: 4, from: 3, through: 4, recovered: true });
      expect(second.messages.map((message) => message.seq)).toEqual([4]);
    });

    it('reads nothing after the top', async () => {
      await send('a');
      expect(await readFrom(1)).toMatchObject({ from: 1, through: 1, recovered: true, messages: [] });
    });

    it('says that a position of another epoch is not recovered, and starts at the beginning', async () => {
      const { epoch } = await send('a');
      const page = await mailbox.read(user, { after: { epoch: 'feedfeedfeed', seq: 7 }, limit: 10 });
      expect(page).toMatchObject({ epoch, from: 0, through: 1, recovered: false });
      expect(page.messages).toHaveLength(1);
    });

    it('says that a position in a mailbox that is gone is not recovered', async () => {
      const page = await mailbox.read(user, { after: { epoch: 'feedfeedfeed', seq: 7 }, limit: 10 });
      expect(page).toMatchObject({ epoch: '', from: 0, recovered: false, messages: [] });
    });

    it('keeps only so many messages, counts what nobody had received, and says so to who asks for it', async () => {
      let dropped = 0;
      for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) dropped += (await send(key)).droppedCount;
      expect(dropped).toBe(1);
      const { epoch } = await mailbox.read(user, { limit: 1 });
      await mailbox.acknowledge(user, 'phone', { epoch, seq: 6 });
      expect((await send('g')).droppedCount).toBe(0);
      expect(await readFrom(1)).toMatchObject({ from: 1, through: 7, recovered: false, earliest: 3 });
      expect(await readFrom(2)).toMatchObject({ from: 2, through: 7, recovered: true, earliest: 3 });
    });

    it('leaves out what has expired without calling it lost', async () => {
      await send('a');
      await send('b', { ttlMs: 40 });
      await send('c');
      await pass(40);
      const page = await readFrom(0);
      expect(page).toMatchObject({ from: 0, through: 3, recovered: true });
      expect(page.messages.map((message) => message.key)).toEqual(['a', 'c']);
    });

    it('leaves out what the user has dismissed, on whichever device', async () => {
      for (const key of ['a', 'b', 'c']) await send(key);
      const { epoch } = await mailbox.read(user, { limit: 1 });
      await mailbox.recordReceipt(user, { position: { epoch, seq: 2 }, kind: 'dismissed', device: 'phone' });
      await mailbox.recordReceipt(user, { position: { epoch, seq: 3 }, kind: 'dismissed', device: 'phone' });
      await mailbox.recordReceipt(user, { position: { epoch, seq: 1 }, kind: 'displayed', device: 'phone' });
      const page = await mailbox.read(user, { device: 'tablet', limit: 2 });
      expect(page).toMatchObject({ through: 2, recovered: true });
      expect(page.messages.map((message) => message.key)).toEqual(['a']);
      expect(await readFrom(2)).toMatchObject({ through: 3, recovered: true, messages: [] });
    });

    it('removes expired messages from the old end without calling them lost', async () => {
      await send('a', { ttlMs: 40 });
      await pass(40);
      await send('b');
      expect(await readFrom(0)).toMatchObject({ through: 2, recovered: true, earliest: 2 });
    });

    it('starts a device that says no position at what it has acknowledged', async () => {
      for (const key of ['a', 'b', 'c']) await send(key);
      const { epoch } = await mailbox.read(user, { limit: 1 });
      expect(await mailbox.acknowledge(user, 'phone', { epoch, seq: 2 })).toBe(true);
      expect(await mailbox.read(user, { device: 'phone', limit: 10 })).toMatchObject({ from: 2, recovered: true });
      expect(await mailbox.read(user, { device: 'tablet', limit: 10 })).toMatchObject({ from: 0, recovered: true });
    });

    it('moves acknowledgements only forward and refuses impossible ones', async () => {
      for (const key of ['a', 'b', 'c']) await send(key);
      const { epoch } = await mailbox.read(user, { limit: 1 });
      await mailbox.acknowledge(user, 'phone', { epoch, seq: 3 });
      expect(await mailbox.acknowledge(user, 'phone', { epoch, seq: 1 })).toBe(true);
      expect(await mailbox.read(user, { device: 'phone', limit: 10 })).toMatchObject({ from: 3 });
      expect(await mailbox.acknowledge(user, 'phone', { epoch, seq: 4 })).toBe(false);
      expect(await mailbox.acknowledge(user, 'phone', { epoch: 'feedfeedfeed', seq: 1 })).toBe(false);
      expect(await mailbox.acknowledge({ ...user, user: 'nobody' }, 'phone', { epoch, seq: 1 })).toBe(false);
    });

    it('forgets the device that was silent longest when there are too many', async () => {
      const { epoch } = await send('a');
      for (let i = 0; i < 33; i++) {
        await mailbox.acknowledge(user, `device-${i}`, { epoch, seq: 1 });
        await pass(2);
      }
      expect(await mailbox.read(user, { device: 'device-0', limit: 1 })).toMatchObject({ from: 0 });
      expect(await mailbox.read(user, { device: 'device-1', limit: 1 })).toMatchObject({ from: 1 });
      expect(await mailbox.read(user, { device: 'device-32', limit: 1 })).toMatchObject({ from: 1 });
    });

    it('returns the nodes of all routes of the user, each once', async () => {
      await mailbox.putRoute(user, route('c1'));
      await mailbox.putRoute(user, route('c2'));
      await mailbox.putRoute(user, route('c3', { node: 'node-2' }));
      expect([...(await send('a')).nodes].sort()).toEqual(['node-1', 'node-2']);
    });

    it('gives the mailbox its epoch when the first route is written', async () => {
      const { outcome, epoch, top } = await mailbox.putRoute(user, route('c1'));
      expect({ outcome, top }).toEqual({ outcome: 'stored', top: 0 });
      expect((await send('a')).epoch).toBe(epoch);
    });

    it('refuses a connection beyond the limit, wherever the others are', async () => {
      for (const connection of ['c1', 'c2', 'c3'])
        await mailbox.putRoute(user, route(connection, { node: connection }));
      expect(await mailbox.putRoute(user, route('c4'))).toMatchObject({ outcome: 'limit' });
      expect(await mailbox.putRoute(user, route('c1', { node: 'c1' }))).toMatchObject({ outcome: 'stored' });
      await mailbox.removeRoute(user, { connection: 'c2', node: 'c2' });
      expect(await mailbox.putRoute(user, route('c4'))).toMatchObject({ outcome: 'stored' });
    });

    it('does not remove a route that another node has written since', async () => {
      await mailbox.putRoute(user, route('c1', { node: 'old' }));
      await mailbox.putRoute(user, route('c1', { node: 'new' }));
      await mailbox.removeRoute(user, { connection: 'c1', node: 'old' });
      expect((await send('a')).nodes).toEqual(['new']);
      await mailbox.removeRoute(user, { connection: 'c1', node: 'new' });
      expect((await send('b')).nodes).toEqual([]);
    });

    it('brings a lost route back when it is refreshed, and tells the top', async () => {
      const { epoch } = await send('a');
      const position = { epoch, seq: 0 };
      expect(await mailbox.refreshRoutes([{ user, route: route('c1'), position }])).toEqual([{ epoch, top: 1 }]);
      expect((await send('b')).nodes).toEqual(['node-1']);
    });

    it('goes on under a new epoch when somebody has seen a number that was never given', async () => {
      const { epoch } = await send('a');
      const put = await mailbox.putRoute(user, route('c1'), { epoch, seq: 2 });
      expect(put.epoch).not.toBe(epoch);
      expect(await send('b')).toMatchObject({ epoch: put.epoch, seq: 2 });
      expect(await mailbox.read(user, { after: { epoch, seq: 2 }, limit: 10 })).toMatchObject({
        recovered: false,
        from: 0,
      });
    });

    it('lists the inbox from the newest back, with what the user did', async () => {
      for (const key of ['a', 'b', 'c']) await send(key);
      const { epoch } = await mailbox.read(user, { limit: 1 });
      await mailbox.acknowledge(user, 'phone', { epoch, seq: 2 });
      const receipt = { position: { epoch, seq: 2 }, kind: 'dismissed', device: 'phone' } as const;
      expect(await mailbox.recordReceipt(user, receipt)).toEqual({ outcome: 'recorded', nodes: [] });
      const first = await mailbox.listInbox(user, { limit: 2 });
      expect(first.items.map((item) => [item.message.key, item.delivered, Object.keys(item.receipts)])).toEqual([
        ['c', false, []],
        ['b', true, ['dismissed']],
      ]);
      expect(first.items[1]?.receipts.dismissed?.device).toBe('phone');
      const second = await mailbox.listInbox(user, { limit: 2, before: first.nextBefore });
      expect(second.items.map((item) => item.message.key)).toEqual(['a']);
      expect(second.nextBefore).toBeUndefined();
    });

    it('lists an inbox that does not exist as empty', async () => {
      expect(await mailbox.listInbox(user, { limit: 2 })).toEqual({ epoch: '', top: 0, items: [] });
    });

    it('records the first receipt of a kind and names the nodes that are to be told', async () => {
      const { epoch } = await send('a');
      await mailbox.putRoute(user, route('c1'));
      const receipt = { position: { epoch, seq: 1 }, kind: 'displayed', device: 'phone' } as const;
      expect(await mailbox.recordReceipt(user, receipt)).toEqual({ outcome: 'recorded', nodes: ['node-1'] });
      expect(await mailbox.recordReceipt(user, { ...receipt, device: 'tablet' })).toEqual({
        outcome: 'repeated',
        nodes: [],
      });
      const { items } = await mailbox.listInbox(user, { limit: 1 });
      expect(items[0]?.receipts.displayed?.device).toBe('phone');
    });

    it('refuses receipts for messages that do not exist', async () => {
      const { epoch } = await send('a');
      const receipt = { position: { epoch, seq: 2 }, kind: 'clicked', device: 'phone' } as const;
      expect(await mailbox.recordReceipt(user, receipt)).toMatchObject({ outcome: 'unknown' });
      const elsewhere = { ...receipt, position: { epoch: 'feedfeedfeed', seq: 1 } };
      expect(await mailbox.recordReceipt(user, elsewhere)).toMatchObject({ outcome: 'unknown' });
    });

    it('carries events to the node that subscribed, and to no other', async () => {
      const { epoch, message } = await send('a');
      if (message === undefined) throw new Error('not stored');
      const event: NodeEvent = { type: 'message', user: 'shop/ada@example.com', epoch, message };
      const received: NodeEvent[] = [];
      const stop = await new Promise<() => Promise<void>>((resolve) => {
        const subscribed = mailbox.subscribe('node-1', {
          onEvents: (events) => {
            received.push(...events);
            void subscribed.then(resolve);
          },
          onGap: () => undefined,
        });
        void subscribed.then(async () => {
          await mailbox.publish('node-2', [event]);
          await mailbox.publish('node-1', [event]);
        });
      });
      expect(received).toEqual([event]);
      await stop();
    });
  });
}
