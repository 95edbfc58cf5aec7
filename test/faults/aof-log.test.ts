import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../scripts/servers.mjs';
import { AofLog } from './aof-log.js';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const resp = (...parts: string[]): string =>
  `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`;

const RECORD = 'queued|0|3|1700000000005|4|||||||\ndefault/x 100001700000000000|ns/job|t1|\n\n\n';
const ID = '2-001700000000000-abc';

async function logOf(content: string) {
  const folder = await mkdtemp(join(tmpdir(), 'cloudjob-aof-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'appendonlydir'));
  await writeFile(
    join(folder, 'appendonlydir', 'appendonly.aof.manifest'),
    'file appendonly.aof.1.incr.aof seq 1 type i\n',
  );
  const file = join(folder, 'appendonlydir', 'appendonly.aof.1.incr.aof');
  await writeFile(file, content);
  return { log: new AofLog({ folder, cluster: 'c' }), append: (text: string) => appendFile(file, text) };
}

describe('AofLog', () => {
  it('tells records, fences, watermarks and removals in the order in which they were written', async () => {
    const { log } = await logOf(
      resp('SELECT', '0') +
        resp('HSET', 'cj:{c:2}:fence', 'epoch', '4', 'member', 'm') +
        resp('MULTI') +
        resp('HSET', 'cj:{c:2}:executions', ID, RECORD) +
        resp('HSET', 'cj:{c:2}:triggers', 'ns/job/t1', '7|1700000000000|1|001700000000000\ne1000') +
        resp('EXEC') +
        resp('HDEL', 'cj:{c:2}:executions', ID) +
        resp('HSET', 'cj:{other:2}:executions', ID, RECORD),
    );
    expect(await log.read()).toEqual([
      { kind: 'fence', shard: 2, epoch: 4 },
      {
        kind: 'record',
        shard: 2,
        id: ID,
        record: {
          ...{ state: 'queued', attempt: 0, maxAttempts: 3, firedAt: 1_700_000_000_005, epoch: 4 },
          finishedAt: null,
          ...{ token: '', settledBy: '', reason: '', job: 'ns/job', trigger: 'ns/job/t1' },
          ...{ nominalAt: 1_700_000_000_000, dueAt: 1_700_000_000_000 },
        },
      },
      { kind: 'watermark', shard: 2, trigger: 'ns/job/t1', watermark: 1_700_000_000_000 },
      { kind: 'removed', shard: 2, id: ID },
    ]);
    expect(await log.read()).toEqual([]);
  });

  it('tells a fire of a backfill from one of its trigger, and when an execution ended', async () => {
    const ended = RECORD.replace(
      'queued|0|3|1700000000005|4||||||',
      'succeeded|1|3|1700000000005|4||||1700000000009||',
    );
    const filled = ended.replace(/^(.*\n.*\|t1\|[^|\n]*)\n/, '$1||b1\n');
    const { log } = await logOf(resp('HSET', 'cj:{c:2}:executions', ID, ended, 'another', filled));
    const [first, second] = (await log.read()).map((entry) => (entry.kind === 'record' ? entry.record : undefined));
    expect(first).toMatchObject({ finishedAt: 1_700_000_000_009, trigger: 'ns/job/t1' });
    expect(first).not.toHaveProperty('backfill');
    expect(second).toMatchObject({ trigger: null, backfill: { id: 'b1', trigger: 'ns/job/t1' } });
  });

  it('leaves a command and a transaction that are not complete for the next time', async () => {
    const fence = resp('HSET', 'cj:{c:0}:fence', 'epoch', '1');
    const second = resp('HSET', 'cj:{c:0}:fence', 'epoch', '2');
    const { log, append } = await logOf(`${fence}${resp('MULTI')}${second}`);
    expect(await log.read()).toEqual([{ kind: 'fence', shard: 0, epoch: 1 }]);
    await append(resp('EXEC').slice(0, 5));
    expect(await log.read()).toEqual([]);
    await append(resp('EXEC').slice(5));
    expect(await log.read()).toEqual([{ kind: 'fence', shard: 0, epoch: 2 }]);
  });

  it('reads what a real server has written, across its kill and restart', async () => {
    const server = await startRedis({ fsync: 'always', args: ['--auto-aof-rewrite-percentage', '0'] });
    cleanups.push(() => server.stop());
    const client = new Redis(server.url);
    cleanups.push(async () => client.disconnect());
    const log = new AofLog({ folder: server.folder, cluster: 'c' });
    const raise = `redis.call('HSET', KEYS[1], 'epoch', ARGV[1]); redis.call('HDEL', KEYS[2], 'x', 'y')`;
    await client.hset('cj:{c:3}:executions', 'y', RECORD);
    await client.eval(raise, 2, 'cj:{c:3}:fence', 'cj:{c:3}:executions', 9);
    await server.kill();
    await server.start();
    await client.hset('cj:{c:3}:fence', 'epoch', 10);
    const kinds = (await log.read()).map((entry) => (entry.kind === 'fence' ? entry.epoch : entry.kind));
    expect(kinds).toEqual(['record', 9, 'removed', 'removed', 10]);
  });
});
