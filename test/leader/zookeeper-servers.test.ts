import { describe, expect, it } from 'vitest';
import { parseZooKeeperServers } from '../../src/leader/zookeeper-servers.js';

describe('parseZooKeeperServers', () => {
  it('takes hosts with and without port, and spaces between them', () => {
    expect(parseZooKeeperServers('zk1:2182, zk2 ,10.0.0.3:2181,')).toEqual(['zk1:2182', 'zk2:2181', '10.0.0.3:2181']);
  });

  it.each([
    ['', 'at least one server'],
    [' , ', 'at least one server'],
    ['zk1:2181/cloud', 'a path'],
    ['[::1]:2181', 'IPv6'],
    ['fe80::1', 'IPv6'],
    ['zk1:0', 'host:port'],
    ['zk1:65536', 'host:port'],
    ['zk1:port', 'host:port'],
    [':2181', 'host:port'],
  ])('refuses %j and says why', (address, why) => {
    expect(() => parseZooKeeperServers(address)).toThrow(
      expect.objectContaining({
        code: 'CJ_CONFIG_INVALID',
        message: expect.stringContaining(why),
        details: { address },
      }),
    );
  });
});
