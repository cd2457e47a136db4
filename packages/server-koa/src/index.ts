// The entry point of @lamina/server-koa: Lamina over HTTP and WebSocket.
export { createServer, type Server } from './server.js';
export { laminaRouter } from './router.js';
export { attachWebSocket, type WebSocketHandle } from './ws/attach.js';
export type { ApiKey, RouterOptions, ServerOptions, WebSocketOptions } from './options.js';
export { defineConfig, type ServerConfig } from './configuration.js';
export type { Caller, Scope } from '@lamina/core';
