import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from './cluster-harness.js';

let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

describe('examples/first-job.mjs', { timeout: 60_000 }, () => {
  it('runs once when asked and then every second, and ends by itself', async () => {
    cluster = await TestCluster.start({ schedulers: 1 });
    const file = fileURLToPath(new URL('../../examples/first-job.mjs', import.meta.url));
    const child = spawn(process.execPath, [file], {
      env: { PATH: process.env['PATH'], CLOUDJOB_REDIS: cluster.redis.url, CLOUDJOB_CLUSTER: 'test' },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 40_000,
    });
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number]>]);
    expect(code).toBe(0);
    const lines = output.trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines.filter((line) => line.includes('hello you'))).toHaveLength(1);
    const keys = lines.map((line) => /key (\S+)$/.exec(line)?.[1]);
    expect(new Set(keys).size).toBe(3);
    expect(keys.filter((key) => key?.startsWith('examples/hello/default@'))).toHaveLength(2);
  });
});
