import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { HandlerError } from '../domain/errors.js';

/** IANA's special-purpose address blocks: nothing that a job may call lives there. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8',
  '169.254.0.0/16', // link-local, cloud metadata
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
];
const SPECIAL_IPV6 = [
  '::/96', // unspecified, loopback, IPv4-compatible
  '::ffff:0:0/96', // IPv4-mapped
  '::ffff:0:0:0/96', // IPv4-translated
  '64:ff9b::/96', // NAT64
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23', // Teredo, ORCHID and other protocol assignments
  '2001:db8::/32',
  '2002::/16', // 6to4
  '3fff::/20',
  '5f00::/16',
  'fc00::/7', // unique-local
  'fe80::/10', // link-local
  'fec0::/10',
  'ff00::/8', // multicast
];

// Apart, because a list with the IPv4-mapped block takes every IPv4 address for one of it.
const special = { ipv4: blockList('ipv4', SPECIAL_IPV4), ipv6: blockList('ipv6', SPECIAL_IPV6) };

function blockList(family: 'ipv4' | 'ipv6', blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [net = '', prefix] = block.split('/');
    list.addSubnet(net, Number(prefix), family);
  }
  return list;
}

/** May a job call this address? False for every special-purpose block and for the addresses of this machine. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 0) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (special[family].check(address, family)) return false;
  return !Object.values(networkInterfaces()).some((entries) => entries?.some((entry) => entry.address === address));
}

/**
 * Resolves a name for a connection and refuses it when any of its addresses may not be called. Used as the
 * `lookup` of the connection itself, so that what was checked is what is connected to.
 */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  const all: LookupOptions & { all: true } = { ...options, all: true };
  dnsLookup(hostname, all, (error, addresses: LookupAddress[]) => {
    if (error !== null) return callback(error, '');
    if (!addresses.every(({ address }) => isPublicAddress(address))) return callback(refusedHost(hostname), '');
    if (options.all === true) return callback(null, addresses);
    const [first] = addresses;
    return first === undefined ? callback(refusedHost(hostname), '') : callback(null, first.address, first.family);
  });
};

/** The text of an error must not tell which inner address a name has. */
export function refusedHost(hostname: string): HandlerError {
  return new HandlerError('CJ_TARGET_REFUSED', `${hostname} is not a public address`, { details: { hostname } });
}
