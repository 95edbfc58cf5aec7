import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { guardedLookup, isPublicAddress } from '../../src/workers/address-guard.js';

describe('isPublicAddress', () => {
  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.7',
    '203.0.113.9',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    'no address',
    '',
  ])('refuses %j', (address) => expect(isPublicAddress(address)).toBe(false));

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.169.0.0',
    '223.255.255.255',
    '2606:4700::1111',
    '2a00:1450:4001::1',
  ])('allows %j', (address) => expect(isPublicAddress(address)).toBe(true));

  it('refuses every address of this machine', () => {
    for (const entries of Object.values(networkInterfaces())) {
      for (const { address } of entries ?? []) expect(isPublicAddress(address)).toBe(false);
    }
  });
});

describe('guardedLookup', () => {
  it.each([true, false])('refuses a name that resolves to this machine (all: %s)', async (all) => {
    const error = await new Promise((resolve) => guardedLookup('localhost', { all }, resolve));
    expect(error).toMatchObject({ code: 'CJ_TARGET_REFUSED' });
    expect(String(error)).not.toContain('127.0.0.1');
  });
});
