import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { freePorts } from '../../scripts/servers.mjs';

it('gives every port once, none that an outgoing connection may take meanwhile', async () => {
  const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const firstOutgoing = Number(range.split('\t')[0]);

  const ports = [...(await freePorts(20)), ...(await freePorts(20))];

  expect(new Set(ports).size).toBe(40);
  expect(Math.max(...ports)).toBeLessThan(firstOutgoing);
});
