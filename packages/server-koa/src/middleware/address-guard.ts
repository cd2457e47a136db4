// From where a caller may start downloads: the internet only, or this machine too.
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { AddressGuard, Caller } from '@lamina/core';
import { hasScope } from './authentication.js';

/** Headers that proxies add. Behind a proxy, the address of the connection is not that of the caller. */
const proxyHeaders = ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip'];

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** The guard for downloads of a request: `loopback` for a caller on this machine with the scope `manage`, else `public`. */
export function addressGuardFor({ socket, headers }: IncomingMessage, caller: Caller): AddressGuard {
  const { remoteAddress = '' } = socket;
  const family = isIP(remoteAddress);
  const isLocal = family !== 0 && loopback.check(remoteAddress, family === 6 ? 'ipv6' : 'ipv4');
  const isProxied = proxyHeaders.some((name) => headers[name] !== undefined);
  return isLocal && !isProxied && hasScope(caller, 'manage') ? 'loopback' : 'public';
}
