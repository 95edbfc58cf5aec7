import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StoreClient } from '../../src/client/store-client.js';
import { compileTrigger, parseTrigger } from '../../src/domain/trigger.js';
import { RemindersService } from '../../src/reminders/reminders.service.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { ManualClock } from '../support/manual-clock.js';

/** The sample files as a user in UTC has them on 21 November 2026. */
async function imported() {
  const clock = new ManualClock('2026-11-21T00:00:00.000Z');
  const stores = new MemoryStores({ clock });
  const client = new StoreClient({ stores }, { namespace: 'sample' });
  const service = new RemindersService({ client, clusterClock: stores.clusterClock });
  const bytes = (name: string) => readFileSync(new URL(`../../examples/data/${name}`, import.meta.url));
  const options = { timeZone: 'UTC' };
  const reports = [
    await service.import('ada', { mediaType: 'text/calendar', bytes: bytes('calendar.ics') }, options),
    await service.import('ada', { mediaType: 'text/vcard', bytes: bytes('contacts.vcf') }, options),
  ];
  const fires = async (uid: string, count: number): Promise<string[]> => {
    const { items } = await client.listTriggers((await client.listJobs()).items[0]?.name ?? '', { limit: 500 });
    const times = items
      .filter((trigger) => (trigger.data as { reminder: { uid: string } }).reminder.uid === uid)
      .flatMap(({ schedule, timeZone, dstGap, dstOverlap }) => {
        const input = { schedule, timeZone, ...(dstGap && { dstGap }), ...(dstOverlap && { dstOverlap }) };
        const compiled = compileTrigger('a/b/c', parseTrigger(input, { timeZone: 'UTC' }).definition);
        const found: number[] = [];
        let at = compiled.next(clock.now());
        for (; at !== null && found.length < count; at = compiled.next(at)) found.push(at);
        return found;
      });
    return times
      .sort((a, b) => a - b)
      .slice(0, count)
      .map((at) => new Date(at).toISOString().slice(0, 16));
  };
  return { reports, fires };
}

describe('the sample files', () => {
  it('are taken over without a rest', async () => {
    const { reports } = await imported();
    expect(reports.flatMap(({ items }) => items.filter(({ outcome }) => outcome !== 'created'))).toEqual([]);
  });

  // Dates as published by the governments, not as computed here.
  it.each<[string, string[]]>([
    ['us-thanksgiving@sample.cloudjob', ['2026-11-26', '2027-11-25', '2028-11-23', '2029-11-22']],
    ['us-labor@sample.cloudjob', ['2027-09-06', '2028-09-04', '2029-09-03']],
    ['us-memorial@sample.cloudjob', ['2027-05-31', '2028-05-29', '2029-05-28']],
    ['us-mlk@sample.cloudjob', ['2027-01-18', '2028-01-17', '2029-01-15']],
    ['us-presidents@sample.cloudjob', ['2027-02-15', '2028-02-21', '2029-02-19']],
    ['us-election@sample.cloudjob', ['2028-11-07', '2030-11-05', '2032-11-02']],
    ['de-unity@sample.cloudjob', ['2027-10-03', '2028-10-03']],
    ['fr-bastille@sample.cloudjob', ['2027-07-14', '2028-07-14']],
    ['uk-early-may@sample.cloudjob', ['2027-05-03', '2028-05-01']],
    ['uk-spring@sample.cloudjob', ['2027-05-31', '2028-05-29']],
    ['uk-summer@sample.cloudjob', ['2027-08-30', '2028-08-28']],
    ['jp-coming-of-age@sample.cloudjob', ['2027-01-11', '2028-01-10']],
    ['jp-aged@sample.cloudjob', ['2027-09-20', '2028-09-18']],
    ['ca-thanksgiving@sample.cloudjob', ['2027-10-11', '2028-10-09']],
    ['easter-monday@sample.cloudjob', ['2027-03-29', '2028-04-17', '2029-04-02', '2030-04-22', '2031-04-14']],
    ['leap-day@sample.cloudjob', ['2028-02-29', '2032-02-29']],
    ['urn:uuid:5b1b1a52-0a41-4a0e-9d6d-1f0c6a6b0001', ['2026-12-10', '2027-12-10']],
    ['urn:uuid:5b1b1a52-0a41-4a0e-9d6d-1f0c6a6b0002', ['2027-02-28', '2028-02-29', '2029-02-28']],
    ['urn:uuid:5b1b1a52-0a41-4a0e-9d6d-1f0c6a6b0005', ['2027-04-17', '2028-04-17']],
  ])('remind of %s at 09:00 on the published days', async (uid, days) => {
    const { fires } = await imported();
    expect(await fires(uid, days.length)).toEqual(days.map((day) => `${day}T09:00`));
  });

  it.each<[string, string[]]>([
    // 09:15 in New York less 5 minutes.
    ['standup-newyork@sample.cloudjob', ['2026-11-23T14:10', '2026-11-24T14:10']],
    // Every other Monday at 10:00; 7 December moved to 15:00, 21 December left out; less 15 minutes.
    ['planning-berlin@sample.cloudjob', ['2026-11-23T08:45', '2026-12-07T13:45', '2027-01-04T08:45']],
    ['review-tokyo@sample.cloudjob', ['2026-11-27T08:00', '2026-12-04T08:00']],
    // The day before the last working day of the month.
    ['month-end@sample.cloudjob', ['2026-11-29T16:00', '2026-12-30T16:00', '2027-01-28T16:00']],
    ['all-hands-sydney@sample.cloudjob', ['2026-12-09T21:50', '2027-01-13T21:50']],
    ['one-on-one-kathmandu@sample.cloudjob', ['2026-11-25T05:20', '2026-12-02T05:20']],
  ])('remind of the meeting %s in its own zone', async (uid, times) => {
    const { fires } = await imported();
    expect(await fires(uid, times.length)).toEqual(times);
  });
});
