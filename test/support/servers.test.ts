import { expect, it } from 'vitest';
import { freePorts } from '../../scripts/servers.mjs';

it('gives every port once, none that Linux may give to an outgoing connection meanwhile', async () => {
  const ports = [...(await freePorts(20)), ...(await freePorts(20))];

  expect(new Set(ports).size).toBe(40);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});
