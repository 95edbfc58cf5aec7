import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../../src/runtime/logger.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { RedisPubSub } from '../../../src/store/redis/pub-sub.js';
import { eventually } from '../../support/wait.js';
import { claimed, EPOCH, ID, ID_2, JOB, LANE, LINES, openShard, ORDER, putJob, TRIGGER } from './script-harness.js';

/** Hears what scripts publish: `hints` are channel and message, of which only those since the last question. */
async function listening() {
  const shard = await openShard();
  const tag = randomUUID();
  const pubSub = new RedisPubSub({ clock: systemClock, logger: silentLogger }, { source: inject('redisUrl') });
  await pubSub.start();
  onTestFinished(() => pubSub.stop());
  let heard: string[] = [];
  const channels = { wake: `${tag}:wake`, lane: `${tag}:${LANE}`, other: `${tag}:default/http`, end: `${tag}:end` };
  for (const [name, channel] of Object.entries(channels)) {
    await pubSub.subscribe(channel, (text) => void heard.push(`${name} ${text}`.trim()));
  }
  return {
    shard,
    wake: channels.wake,
    ready: `${tag}:`,
    async hints(): Promise<string[]> {
      await shard.send('PUBLISH', channels.end, '');
      await eventually('the end of what was published', () => heard.includes('end'));
      const [hints, none] = [heard.filter((hint) => hint !== 'end'), []];
      heard = none;
      return hints;
    },
  };
}

describe('scripts wake the leader of the shard', () => {
  it('when a trigger was written, and not when none was', async () => {
    const { shard, wake, hints } = await listening();
    const put = [JOB, '', '{}', `${LANE} 100|3|1000|2000`, wake, '', 0, 'a', 'e1', 0, 5];
    await shard.run('put_job', ...put);
    expect(await hints()).toEqual(['wake']);
    await shard.run('put_job', ...put);
    await shard.run('put_triggers', JOB, '', wake, '', '', 'a', 'e1', 0, 5);
    expect(await hints()).toEqual([]);
    await shard.run('put_triggers', JOB, '', wake, '', '', 'a', 'e2', 0, 5, 'b', 'e1', 0, 5);
    expect(await hints()).toEqual(['wake']);
  });

  it('when a job goes on after its pause', async () => {
    const { shard, wake, hints } = await listening();
    await putJob(shard);
    await shard.run('resume_job', JOB, wake);
    expect(await hints()).toEqual([]);
    await shard.run('pause_job', JOB, '""');
    await shard.run('resume_job', JOB, wake);
    expect(await hints()).toEqual(['wake']);
  });

  it('when a retry comes before all others, and not when it comes later', async () => {
    const { shard, wake, hints } = await listening();
    await claimed(shard);
    const retry = (ms: number) => shard.run('settle', 'ready:', 0, wake, ID, 't1', 'retry', ms, '', '', '');
    await shard.send('ZADD', shard.keys.retries, (await shard.now()) + 60_000, 'other');
    await retry(50_000);
    expect(await hints()).toEqual(['wake']);
    await shard.send('ZREM', shard.keys.retries, ID);
    await shard.run('rescue_expired', EPOCH, 10, 'ready:', 0, '{}');
    const later = await listening();
    await claimed(later.shard);
    await later.shard.send('ZADD', later.shard.keys.retries, 1, 'other');
    await later.shard.run('settle', 'ready:', 0, later.wake, ID, 't1', 'retry', 50_000, '', '', '');
    expect(await later.hints()).toEqual([]);
  });
});

describe('scripts wake the workers of a lane', () => {
  it('once a call and lane, with the number of the shard, when something was fired', async () => {
    const { shard, ready, hints } = await listening();
    await putJob(shard, { default: 1000 });
    const http = '0-000000000003000-aaaa';
    const decision = [1, '1|0|', '1|3000|', 1000, 4000, 0, 60_000, 3, 0];
    const records = [3, ORDER, LINES, 3, ORDER, LINES, 3, ORDER.replace(LANE, 'default/http'), LINES];
    const head = [EPOCH, ready, 9, 5000, 1, 1, 3, JOB, 1, TRIGGER];
    await shard.run('fire', ...head, ...decision, ID, ID_2, http, ...records);
    expect((await hints()).sort()).toEqual(['lane 9', 'other 9']);
  });

  it('when something was run, given back, retried, rescued or revived', async () => {
    const { shard, ready, wake, hints } = await listening();
    const settle = (token: string, type: string) => shard.run('settle', ready, 9, wake, ID, token, type, 0, '', '', '');
    const claim = (token: string) => shard.run('claim', 'w1', token, 0, 1, LANE);
    await putJob(shard);
    await shard.run('run', ID, JOB, 3, ORDER, LINES, ready, 9);
    expect(await hints()).toEqual(['lane 9']);
    await claim('t1');
    await settle('t1', 'released');
    expect(await hints()).toEqual(['lane 9']);
    await claim('t2');
    await settle('t2', 'retry');
    expect(await hints()).toEqual(['wake']);
    await shard.run('requeue_retries', EPOCH, 10, ready, 9);
    expect(await hints()).toEqual(['lane 9']);
    await claim('t3');
    await shard.run('rescue_expired', EPOCH, 10, ready, 9, '{}');
    expect(await hints()).toEqual(['lane 9']);
    await claim('t4');
    await settle('t4', 'failed');
    expect(await hints()).toEqual([]);
    await shard.run('retry_execution', ID, ready, 9);
    expect(await hints()).toEqual(['lane 9']);
  });
});
