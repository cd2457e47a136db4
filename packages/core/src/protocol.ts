// The entry point for clients: types and JSON Schemas of messages on the wire, and the errors. It loads nothing else.
export {
  errorSchema,
  eventSchemas,
  slotStateSchema,
  type EventData,
  type EventType,
  type LaminaEvent,
} from './contract/events.js';
export {
  clientFrameSchemas,
  clientFrameScopes,
  replySchemas,
  serverFrameSchemas,
  subprotocol,
  type ChatCompletionChunk,
  type ClientFrame,
  type ClientFrameType,
  type ServerFrame,
  type ServerFrameType,
  type Usage,
} from './contract/frames.js';
export * from './contract/model-views.js';
export * from './contract/views.js';
export {
  servedModelSchema,
  servedModelsSchema,
  type ServedModel,
  type ServedModels,
} from './contract/served-models.js';
export { LaminaError, type WireError } from './contract/errors.js';
export { downloadRequestSchema, suggestRequestSchema, validateRequestSchema } from './contract/requests.js';
export { isHeaderToken } from './kernel/header-token.js';
export { networkReasonOf, reasonOf } from './kernel/reason.js';
export type { ErrorCode, ErrorDetails } from './contract/error-table.js';
