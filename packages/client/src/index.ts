// The entry point of the client.
export { connect, type ConnectOptions } from './connect.js';
export type { EmbedRequest, EmbedResult, ExtensionFrame, LaminaClient, ListenOptions } from './client.js';
export { LaminaClientError } from './error.js';
export type { CallOptions } from './call.js';
export type { ChatOptions, ChatPosition, ChatProgress, ChatRequest, ChatStream } from './chat.js';
export type { ChatMessage, ToolCall } from './message.js';
export type { Downloads, DownloadRequest } from './downloads.js';
export type { LogRange, ModelFilter, Models, SearchRange, SuggestRequest } from './models.js';
export type { ClientEvents, EventHead, EventType, LaminaEvent, UnknownEvent } from './events.js';
export type {
  ChatCompletionChunk,
  DownloadView,
  EventFields,
  FoundModel,
  ModelDetail,
  ModelsView,
  ModelView,
  PsModel,
  EngineLogLine,
  PsView,
  SearchView,
  SuggestionView,
  Usage,
} from './wire.js';
