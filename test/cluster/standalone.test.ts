import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { TestWebSocket } from '../comet/support/test-client.js';
import { eventually } from '../support/wait.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

interface Started {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  readonly base: string;
  readonly key: string;
}

/** Runs a command of the project until it prints the address of its page. */
async function startUntilOpen(args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  const open = await new Promise<RegExpExecArray>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const match = /open (http:\S+)\/#key=(\S+)/.exec(line);
      if (match !== null) resolve(match);
    });
    child.on('exit', (code) => reject(new Error(`ended with ${String(code)}:\n${lines.join('\n')}`)));
  });
  return { child, lines, base: open[1] ?? '', key: open[2] ?? '' };
}

async function call(node: Started, method: string, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${node.base}${path}`, { method, headers: { authorization: `Bearer ${node.key}` } });
  expect(response.status).toBeLessThan(300);
  return (await response.json()) as Record<string, unknown>;
}

describe('npm start', { timeout: 60_000 }, () => {
  it('serves health and page, delivers the first reminder over a WebSocket, and ends on SIGTERM', async () => {
    const node = await startUntilOpen(['scripts/start.mjs', '--port', '0']);
    expect((await fetch(`${node.base}/healthz`)).status).toBe(200);
    const page = await fetch(`${node.base}/`);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await page.text()).toContain('CloudJob');

    const { ticket } = await call(node, 'POST', '/v1/namespaces/default/users/demo/tickets');
    const client = new TestWebSocket(new URL(node.base).host, { ticket: String(ticket) });
    await client.frame('messages');
    await client.end();

    // The sample files have many series, each with its next alert.
    const { items } = (await call(node, 'GET', '/v1/namespaces/default/users/demo/reminders')) as {
      items: { nextAt?: string }[];
    };
    expect(items.filter((reminder) => reminder.nextAt !== undefined).length).toBeGreaterThan(30);

    node.child.kill('SIGTERM');
    expect(await once(node.child, 'exit')).toEqual([0, null]);
  });

  it('says which of the own files cannot be read, and where', async () => {
    const broken = fileURLToPath(new URL('../../README.md', import.meta.url));
    await expect(startUntilOpen(['scripts/start.mjs', '--port', '0', '--calendar', broken])).rejects.toThrow(
      /README\.md.*1/s,
    );
  });
});

describe('npm run cluster', { timeout: 120_000 }, () => {
  it('starts the real thing, says who leads and what fires, and stops cleanly on Ctrl-C', async () => {
    const node = await startUntilOpen(['scripts/cluster.mjs']);
    const cluster = (await call(node, 'GET', '/v1/cluster')) as {
      shards: { owner: string | null }[];
      members: unknown[];
    };
    expect(cluster.members).toHaveLength(2);
    expect(cluster.shards).toHaveLength(16);
    expect(new Set(cluster.shards.map((shard) => shard.owner)).size).toBe(2);
    // The gate learns of nodes within seconds of their start.
    const { ticket, nodes } = await eventually('two comet nodes', async () => {
      const answer = (await call(node, 'GET', '/v1/gate?user=demo')) as { ticket: string; nodes: { url: string }[] };
      return answer.nodes.length === 2 && answer;
    });
    const client = new TestWebSocket(new URL(nodes[0]?.url ?? '').host, { ticket });
    await client.frame('messages');
    await client.end();
    const isTold = (...words: string[]) => node.lines.some((line) => words.every((word) => line.includes(word)));
    await eventually('what fires and who leads', () => isTold('fired', 'heartbeat') && isTold('leader-changed'));
    node.child.kill('SIGINT');
    expect(await once(node.child, 'exit')).toEqual([0, null]);
    expect(node.lines.at(-1)).toContain('stopped');
  });
});
