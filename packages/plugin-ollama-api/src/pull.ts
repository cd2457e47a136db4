// `POST /api/pull`: downloads a model, with progress.
import { createHash } from 'node:crypto';
import type { Download, DownloadRequest } from '@lamina/core';
import { abortable, LaminaError, type Events, type EventType } from '@lamina/core/plugin';
import type { HttpContext, HttpRoute } from '@lamina/server-koa';
import { askedName, findModel } from './names.js';

interface PullBody {
  readonly model?: string;
  readonly name?: string;
  readonly stream?: boolean | null;
}

/** The source that knows Ollama's names. */
const source = 'ollama';

const downloadEvents: readonly EventType[] = [
  'download.started',
  'download.progress',
  'download.verified',
  'download.finished',
  'download.failed',
  'download.paused',
  'download.cancelled',
];

/** The route. Downloads that only pulls of clients have started are paused when the last of those clients leaves. */
export function pullRoute(events: Events): HttpRoute {
  const followers = new Followers();
  return {
    method: 'POST',
    path: '/api/pull',
    scope: 'manage',
    summary: "Downloads a model, in Ollama's API",
    body: {
      type: 'object',
      properties: { model: { type: 'string' }, name: { type: 'string' }, stream: { type: ['boolean', 'null'] } },
    },
    async handler(ctx) {
      const body = ctx.body as PullBody;
      const lines = pull(ctx, askedName(body), events, followers);
      if (body.stream !== false) return ctx.stream(lines, { as: 'ndjson' });
      let last: object | undefined;
      for await (const line of lines) last = line;
      return last;
    },
  };
}

async function* pull(ctx: HttpContext, asked: string, events: Events, followers: Followers): AsyncGenerator<object> {
  const { downloads, models } = ctx.lamina;
  const known = findModel(models, asked)?.record;
  if (known?.available !== true) {
    const request: DownloadRequest =
      known?.entry.download === undefined ? { reference: { model: asked }, source } : { model: known.model.name };
    const before = new Set(downloads.list().map((download) => download.id));
    const { id } = await downloads.start(request, { signal: ctx.signal });
    const leave = followers.join(id, !before.has(id), () => downloads.pause(id));
    try {
      yield { status: 'pulling manifest' };
      yield* progress(() => downloads.get(id), events, ctx.signal);
    } finally {
      await leave();
    }
    yield { status: 'verifying sha256 digest' };
    yield { status: 'writing manifest' };
  }
  yield { status: 'success' };
}

/** A line for each file that changed, until the download has ended. @throws LaminaError why it did not finish */
async function* progress(snapshot: () => Download, events: Events, signal: AbortSignal): AsyncGenerator<object> {
  const written = new Map<string, number>();
  const changes = new Changes(events, snapshot().id);
  try {
    for (;;) {
      const changed = changes.next();
      const { model, state, files, error } = snapshot();
      for (const { path, done, total } of files) {
        if (total === undefined || written.get(path) === done) continue;
        written.set(path, done);
        yield { status: `pulling ${path}`, digest: digestOf(model, path), total, completed: done };
      }
      if (state === 'finished') return;
      if (state === 'failed') throw LaminaError.fromWire(error!);
      if (state === 'paused' || state === 'cancelled')
        throw new LaminaError('CONFLICT', {
          message: `The download of "${model}" was ${state}. Pull it again to resume.`,
        });
      await abortable(changed, signal);
    }
  } finally {
    changes.close();
  }
}

/** The changes of one download. */
class Changes {
  readonly #stops: readonly (() => void)[];
  #onChange: () => void = () => undefined;

  constructor(events: Events, id: string) {
    this.#stops = downloadEvents.map((type) =>
      events.on(type, (event) => {
        if ('download' in event && event.download === id) this.#onChange();
      }),
    );
  }

  /** Resolves with the next change after this call. */
  next(): Promise<void> {
    return new Promise((resolve) => (this.#onChange = resolve));
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }
}

/** Who follows which download. As Ollama, a download stops when nobody waits for it any more; its bytes are kept. */
class Followers {
  readonly #counts = new Map<string, number>();

  /** `isNew`: the pull has started it. Returns what to call when the client has its last line or leaves. */
  join(id: string, isNew: boolean, pause: () => Promise<Download>): () => Promise<void> {
    const count = this.#counts.get(id) ?? (isNew ? 0 : undefined);
    if (count === undefined) return () => Promise.resolve(); // Others have started it, and may wait for it.
    this.#counts.set(id, count + 1);
    return async () => {
      const left = this.#counts.get(id)! - 1;
      if (left > 0) return void this.#counts.set(id, left);
      this.#counts.delete(id);
      await pause().catch(() => undefined); // It is over.
    };
  }
}

/** Clients show one progress bar for each digest. */
function digestOf(model: string, path: string): string {
  return `sha256:${createHash('sha256').update(`${model}/${path}`).digest('hex')}`;
}
