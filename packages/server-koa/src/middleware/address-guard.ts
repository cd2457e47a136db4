// Where a caller may let Lamina download from: the internet, or this machine too.
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { AddressGuard } from '@lamina/core';
import type { Scopes } from './authentication.js';

/** What proxies add. Behind one, the address of the connection says nothing about the caller. */
const proxyHeaders = ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip'];

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/**
 * The guard of downloads for a request: `loopback` for a caller on this machine with the scope `manage`, else
 * `public`.
 */
export function guardOf({ socket, headers }: IncomingMessage, scopes: Scopes): AddressGuard {
  const { remoteAddress = '' } = socket;
  const family = isIP(remoteAddress);
  const isHere = family !== 0 && loopback.check(remoteAddress, family === 6 ? 'ipv6' : 'ipv4');
  const isProxied = proxyHeaders.some((name) => headers[name] !== undefined);
  return isHere && !isProxied && scopes.has('manage') ? 'loopback' : 'public';
}
