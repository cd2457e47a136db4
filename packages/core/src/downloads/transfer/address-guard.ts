// Recognises addresses of this machine and of private networks, so that a request from the network cannot make Lamina
// connect to them (server-side request forgery).
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { lookup as resolve } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import type { AddressGuard } from '../../contract/source.js';

type Network = readonly [network: string, prefix: number, family: 'ipv4' | 'ipv6'];

/**
 * Not reachable over the internet, by IANA's registries of special-purpose addresses. `BlockList` checks IPv4-mapped
 * addresses as IPv4.
 */
const privateNetworks: readonly Network[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  // IPv4 addresses embedded in IPv6, in every form that a gateway may translate.
  ['::', 96, 'ipv6'],
  ['::ffff:0:0:0', 96, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['2001::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

const loopbackNetworks: readonly Network[] = [
  ['127.0.0.0', 8, 'ipv4'],
  ['::1', 128, 'ipv6'],
];

const isPrivate = matcher(privateNetworks);
const isLoopback = matcher(loopbackNetworks);

/** Whether a guard allows connections to an address. */
export function isAllowed(address: string, guard: AddressGuard): boolean {
  return !isPrivate(address) || (guard === 'loopback' && isLoopback(address));
}

/** The host of a URL, IPv6 addresses without their brackets. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** A connection was refused because of its address. */
export class PrivateAddressError extends Error {
  constructor(readonly host: string) {
    super(`${host} is an address of a private network`);
  }
}

type AllCallback = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;
type OneCallback = (error: NodeJS.ErrnoException | null, address: string, family: number) => void;

/**
 * A `dns.lookup` that fails when the guard forbids an address of the host. The connection uses the addresses of this
 * very lookup, so they cannot change between check and connection (DNS rebinding).
 */
export function guardedLookup(
  guard: AddressGuard,
): (host: string, options: LookupOptions, callback: AllCallback & OneCallback) => void {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      const forbidden = addresses?.some(({ address }) => !isAllowed(address, guard)) === true;
      const refused = forbidden ? new PrivateAddressError(host) : error;
      const [first] = addresses ?? [];
      if (options.all === true || refused !== error || first === undefined) callback(refused, addresses ?? []);
      else callback(refused, first.address, first.family);
    });
  };
}

/**
 * Checks a host that a proxy will look up and connect to.
 * @throws PrivateAddressError; the error of the lookup
 */
export async function checkProxiedHost(host: string, guard: AddressGuard): Promise<void> {
  const addresses = await resolve(host, { all: true });
  if (addresses.some(({ address }) => !isAllowed(address, guard))) throw new PrivateAddressError(host);
}

function matcher(networks: readonly Network[]): (address: string) => boolean {
  const list = new BlockList();
  for (const [network, prefix, family] of networks) list.addSubnet(network, prefix, family);
  return (address) => {
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
}
