// The entry point of @lamina/server-koa: Lamina over HTTP and WebSocket.
export { createServer, type Server } from './server.js';
export { laminaRouter } from './router.js';
export { attachWebSocket, type WebSocketHandle } from './ws/attach.js';
export type { ApiKey, RouterOptions, ServerOptions, WebSocketOptions } from './options.js';
export { callerOf } from './middleware/authentication.js';
export type { FrameContext, FrameExtension, HttpExtension } from './extensions/http-extension.js';
export type { CallerLamina } from './extensions/caller-lamina.js';
export type { HttpContext, StreamOptions } from './routes/http-context.js';
export type { HttpMethod, HttpRoute, RouteScope } from './routes/route.js';
export { defineConfig, type ServerConfig } from './configuration.js';
export type { Caller, Scope } from '@lamina/core';
