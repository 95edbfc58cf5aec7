import { beforeEach, describe, expect, it } from 'vitest';
import { CLIENT_BACKOFF, Gate } from '../../src/comet/gate.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { MemoryNodeRegistry } from '../../src/store/memory/memory-node-registry.js';
import { ManualClock } from '../support/manual-clock.js';

describe('gate', () => {
  let clock: ManualClock;
  let registry: MemoryNodeRegistry;
  let gate: Gate;
  let seed: number;

  beforeEach(() => {
    clock = new ManualClock();
    registry = new MemoryNodeRegistry({ clock });
    seed = 1;
    // A small generator with a fixed seed: the shares below are the same in every run.
    const random = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    gate = new Gate({ registry, clock, logger: silentLogger, random }, { heartbeatMs: 25_000 });
  });

  const announce = (id: string, connections = 0, extra = {}) =>
    registry.announce('comet', id, {
      url: `http://${id}`,
      connections,
      maxConnections: 1000,
      state: 'up',
      ...extra,
    });

  it('names the nodes and tells clients how to behave', async () => {
    await announce('a');
    await gate.refresh();
    expect(gate.rank()).toEqual({ nodes: [{ url: 'http://a' }], backoff: CLIENT_BACKOFF, heartbeatMs: 25_000 });
  });

  it('names nobody when nobody is there', async () => {
    await gate.refresh();
    expect(gate.rank().nodes).toEqual([]);
  });

  it('leaves out nodes that drain, are full, or say nothing usable', async () => {
    await announce('draining', 0, { state: 'draining' });
    await announce('full', 1000);
    await announce('silent', 0, { url: null });
    await announce('good');
    await gate.refresh();
    expect(gate.rank().nodes).toEqual([{ url: 'http://good' }]);
  });

  it('names every node once, five at most', async () => {
    for (let i = 0; i < 8; i++) await announce(`n${i}`);
    await gate.refresh();
    const { nodes } = gate.rank();
    expect(nodes).toHaveLength(5);
    expect(new Set(nodes.map((node) => node.url)).size).toBe(5);
  });

  it('gives an empty node more than its share, but not everything', async () => {
    for (const id of ['a', 'b', 'c', 'd']) await announce(id, 500);
    await announce('fresh', 0);
    await gate.refresh();
    let share = 0;
    for (let i = 0; i < 400; i++) if (gate.rank().nodes[0]?.url === 'http://fresh') share += 1;
    expect(share / 400).toBeGreaterThan(0.25);
    expect(share / 400).toBeLessThan(0.5);
  });

  it('counts those that it has sent somewhere until the node says how many it has', async () => {
    for (const id of ['a', 'b']) await announce(id, 100);
    await gate.refresh();
    const counts = { 'http://a': 0, 'http://b': 0 };
    for (let i = 0; i < 300; i++) {
      const url = gate.rank().nodes[0]?.url;
      if (url === 'http://a' || url === 'http://b') counts[url] += 1;
    }
    expect(Math.abs(counts['http://a'] - counts['http://b'])).toBeLessThanOrEqual(20);
  });

  it('keeps its table for a while when more than half of the nodes vanish at once', async () => {
    for (const id of ['a', 'b', 'c']) await announce(id);
    await gate.refresh();
    for (const id of ['a', 'b']) await registry.withdraw('comet', id);
    await gate.refresh();
    expect(gate.rank().nodes).toHaveLength(3);
    await clock.advance(30_000);
    await announce('c');
    await gate.refresh();
    expect(gate.rank().nodes).toEqual([{ url: 'http://c' }]);
  });

  it('believes at once that half of the nodes or fewer are gone', async () => {
    for (const id of ['a', 'b']) await announce(id);
    await gate.refresh();
    await registry.withdraw('comet', 'a');
    await gate.refresh();
    expect(gate.rank().nodes).toEqual([{ url: 'http://b' }]);
  });

  it('looks again regularly', async () => {
    await gate.start();
    await announce('a');
    await clock.advance(2000);
    expect(gate.rank().nodes).toEqual([{ url: 'http://a' }]);
    await gate.stop();
    expect(clock.pending).toBe(0);
  });
});
