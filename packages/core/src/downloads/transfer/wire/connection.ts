// One connection. Bytes come straight into memory that is used again and again, so that nothing is allocated or copied
// on their way.
import {
  connect as connectPlain,
  isIP,
  type ConnectOpts,
  type LookupFunction,
  type Socket,
  type TcpNetConnectOpts,
} from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectSecure } from 'node:tls';
import { connectMs, idleMs } from '../body.js';
import type { AddressGuard } from '../../../contract/source.js';
import { bareHost, guardedLookup } from '../private-address.js';
import { Ring } from './ring.js';

const ringBytes = 2 * 1024 * 1024;
/** Of one read; more at once is no faster. */
const mostRead = 256 * 1024;
/**
 * With less room than this, reading pauses. What is left is room for what TLS has read and hands over even then, 80 KiB
 * at most, and for the next read.
 */
const leastRoom = 2 * mostRead;

/** A connection to one server. Close it. */
export class Connection {
  /** Nothing has come since the last `write`. */
  untouched = true;
  /** Resolves when it is closed, by whomever. */
  readonly closed: Promise<void>;
  private readonly ring = new Ring(ringBytes);
  private readonly socket: Socket;
  private open = false;
  private resting = false;
  private paused = false;
  /** Why nothing more will come: the other side has ended, or an error. */
  private end: 'ended' | Error | undefined;
  /** We have ended it, so that what came before does not matter either. */
  private left: Error | undefined;
  private wake: () => void = () => undefined;

  /** Begins to connect, to an address that the guard lets pass. */
  constructor(
    private readonly url: URL,
    private readonly guard: AddressGuard | undefined,
  ) {
    const { ring } = this;
    const secure = url.protocol === 'https:';
    const host = bareHost(url);
    const onread = { buffer: () => ring.room(mostRead), callback: (bytes: number) => this.came(bytes) };
    const options: TcpNetConnectOpts & ConnectOpts = {
      host,
      port: Number(url.port) || (secure ? 443 : 80),
      noDelay: true,
      onread: onread as unknown as NonNullable<ConnectOpts['onread']>,
      ...(guard === undefined ? {} : { lookup: guardedLookup(guard) as LookupFunction }),
    };
    this.socket = secure
      ? connectSecure({ ...options, ALPNProtocols: ['http/1.1'], ...(isIP(host) === 0 ? { servername: host } : {}) })
      : connectPlain(options);
    this.socket.setTimeout(connectMs, () =>
      this.leave(
        new Error(this.open ? 'the connection was idle' : `no connection came about within ${connectMs / 1000} s`),
      ),
    );
    this.socket.once(secure ? 'secureConnect' : 'connect', () => {
      this.open = true;
      this.wake();
    });
    this.socket.once('end', () => this.ends('ended'));
    this.socket.on('error', (error) => this.ends(error instanceof AggregateError ? (error.errors[0] as Error) : error)); // Of several addresses, the first.
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve(this.ends('ended'))));
  }

  /**
   * Takes it out of its rest. False when it does not rest, leads elsewhere, has ended, or brought what nobody asked
   * for.
   */
  take(url: URL, guard: AddressGuard | undefined): boolean {
    if (!this.resting || url.origin !== this.url.origin || guard !== this.guard) return false;
    if (this.end !== undefined || this.left !== undefined || this.ring.waiting > 0) return false;
    this.resting = false;
    this.socket.ref();
    this.socket.setTimeout(0);
    return true;
  }

  /** Resolves when it is made. @throws its error */
  async ready(): Promise<void> {
    while (!this.open) {
      this.check();
      await this.woken();
    }
    this.socket.setTimeout(0);
  }

  /** Sends a request. */
  write(text: string): void {
    this.untouched = true;
    this.socket.write(text, 'latin1');
  }

  /**
   * What came since the last time, good until the next; `undefined` when the other side has ended.
   * @throws its error
   */
  async read(): Promise<Buffer | undefined> {
    this.release();
    for (;;) {
      await this.gather();
      if (this.left !== undefined) throw this.left;
      const bytes = this.ring.lend();
      if (bytes !== undefined) return bytes;
      if (this.end === 'ended') return undefined;
      this.check();
      await this.woken();
    }
  }

  /** Nobody uses it for now. It closes when that takes long. */
  rest(): void {
    this.release();
    this.resting = true;
    this.socket.unref();
    this.socket.setTimeout(idleMs);
  }

  /** Ends it at once; whoever reads hears why. */
  leave(why: Error): void {
    this.left ??= why;
    this.socket.destroy();
    this.wake();
  }

  /** As long as every turn of the loop brings more, what came waits for it: fewer and larger writes cost less. */
  private async gather(): Promise<void> {
    for (
      let before = 0;
      this.ring.waiting > before && !this.paused && this.end === undefined && this.left === undefined;
    ) {
      before = this.ring.waiting;
      await turn();
    }
  }

  private check(): void {
    if (this.left !== undefined) throw this.left;
    if (this.end === 'ended') throw new Error('it closed the connection');
    if (this.end !== undefined) throw this.end;
  }

  /** False when nothing more is to come for now. */
  private came(bytes: number): boolean {
    this.untouched = false;
    this.ring.filled(bytes);
    this.wake();
    this.paused = this.ring.free < leastRoom;
    return !this.paused;
  }

  /** What was read is no longer used. */
  private release(): void {
    this.ring.release();
    if (!this.paused || this.ring.free < leastRoom) return;
    this.paused = false;
    this.socket.resume();
  }

  private ends(how: 'ended' | Error): void {
    this.end ??= how;
    this.wake();
  }

  private woken(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }
}
