// Which addresses belong to this machine or its networks, so that strangers cannot make Lamina fetch from there.
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';

const networks: readonly (readonly [network: string, prefix: number, family: 'ipv4' | 'ipv6'])[] = [
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
  ['::', 127, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

const blocked = new BlockList();
for (const [network, prefix, family] of networks) blocked.addSubnet(network, prefix, family);

/** True for an address of this machine, a private network, or one that leads there. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && blocked.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** A name as a URL writes it: IPv6 without its brackets. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** What a connection was refused with. */
export class PrivateAddressError extends Error {
  constructor(readonly host: string) {
    super(`${host} is an address of a private network`);
  }
}

type Found = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/** `dns.lookup` for connections that may not lead to a private address: asked when the connection is made, so that no name can change its mind. */
export function publicLookup(host: string, options: LookupOptions, callback: Found & ((error: NodeJS.ErrnoException | null, address: string, family: number) => void)): void {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    const refused = addresses?.some(({ address }) => isPrivateAddress(address)) === true ? new PrivateAddressError(host) : error;
    const [first] = addresses ?? [];
    if (options.all === true || refused !== error || first === undefined) callback(refused, addresses ?? []);
    else callback(refused, first.address, first.family);
  });
}
