// The routes of the page: its files, with the headers that keep it from loading or sending anything elsewhere.
import { fileURLToPath } from 'node:url';
import { LaminaError } from '@lamina/core/plugin';
import type { HttpContext, HttpRoute } from '@lamina/server-koa';
import { readPageFiles, type PageFile } from './page-files.js';

/** What the build of the page writes. */
const folder = fileURLToPath(new URL('page', import.meta.url));

/**
 * Scripts and styles are files of the page, connections go to its server only, and nothing makes HTML of a text: answers
 * of models are not trusted.
 */
const headers = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** The routes. The files are read at the first request for one. */
export function pageRoutes(): readonly HttpRoute[] {
  let files: Promise<ReadonlyMap<string, PageFile>> | undefined;
  const send = async (ctx: HttpContext, name: string): Promise<Buffer | undefined> => {
    files ??= readPageFiles(folder);
    const file = (await files).get(name);
    if (file === undefined) {
      const { method, path } = ctx.koa;
      throw new LaminaError('ROUTE_NOT_FOUND', { method, path, hint: 'Open the page at /ui/.' });
    }
    return respond(ctx, file);
  };
  return [
    { method: 'GET', path: '/ui', scope: 'public', summary: 'The web page', handler: (ctx) => index(ctx, send) },
    {
      method: 'GET',
      path: '/ui/*file',
      scope: 'public',
      summary: 'A file of the web page',
      handler: (ctx) => send(ctx, ctx.params['file']!),
    },
  ];
}

/** The URLs of the page are relative to its folder, so the path must end with a slash. */
function index(
  ctx: HttpContext,
  send: (ctx: HttpContext, name: string) => Promise<Buffer | undefined>,
): Promise<Buffer | undefined> | undefined {
  if (ctx.koa.path.endsWith('/')) return send(ctx, 'index.html');
  ctx.koa.redirect('ui/'); // Relative, because a proxy may serve Lamina below a path.
  return undefined;
}

function respond({ koa }: HttpContext, { extension, etag, isHashed, encodings }: PageFile): Buffer | undefined {
  koa.set(headers);
  koa.set('Cache-Control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
  koa.vary('Accept-Encoding');
  koa.status = 200;
  koa.etag = etag;
  if (koa.fresh) {
    koa.status = 304;
    return undefined;
  }
  const encoding = koa.acceptsEncodings(Object.keys(encodings)) || 'identity';
  if (encoding !== 'identity') koa.set('Content-Encoding', encoding);
  koa.type = extension;
  return encodings[encoding];
}
