// The lease of one request on a running server.
import type { Endpoint, EndpointOptions, RequestAdapter, ServerInfo } from '../contract/backends.js';
import type { Lease } from '../contract/runtime.js';
import type { ResolvedModel } from '../contract/models.js';
import type { RunningServer } from './slot.js';

/** A lease on a running server; the first `release` counts. */
export class ServerLease implements Lease {
  private released = false;

  constructor(
    readonly target: ResolvedModel,
    private readonly running: RunningServer,
    private readonly onRelease: (served: boolean) => void,
  ) {}

  get backend(): string {
    return this.running.prepared.instance.name;
  }

  get info(): ServerInfo {
    return this.running.server.info;
  }

  get signal(): AbortSignal {
    return this.running.use.signal;
  }

  get adapt(): RequestAdapter | undefined {
    return this.running.prepared.instance.backend.adapt;
  }

  get ended(): Promise<string> {
    return this.running.ended;
  }

  get over(): boolean {
    return this.running.over;
  }

  endpoint(options?: EndpointOptions): Endpoint {
    return this.running.server.endpoint(options);
  }

  touch(): void {
    this.running.touched = true;
  }

  release(outcome: { served: boolean } = { served: false }): void {
    if (this.released) return;
    this.released = true;
    this.onRelease(outcome.served);
  }
}
