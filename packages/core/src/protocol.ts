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
export {
  diagnosticSchema,
  modelDetailSchema,
  modelServerViewSchema,
  modelViewSchema,
  modelsViewSchema,
  reloadViewSchema,
  removalViewSchema,
  startedViewSchema,
  stoppedViewSchema,
  suggestionViewSchema,
  validationViewSchema,
  type Diagnostic,
  type ModelDetail,
  type ModelServerView,
  type ModelView,
  type ModelsView,
  type ReloadView,
  type RemovalView,
  type StartedView,
  type StoppedView,
  type SuggestionView,
  type ValidationView,
} from './contract/model-views.js';
export {
  heldMemorySchema,
  psModelSchema,
  psViewSchema,
  type HeldMemory,
  type PsModel,
  type PsView,
} from './contract/ps-view.js';
export { countsModels } from './contract/memory.js';
export {
  engineLogLineSchema,
  engineLogViewSchema,
  type EngineLogLineView,
  type EngineLogView,
} from './contract/log-view.js';
export {
  backendViewSchema,
  backendsViewSchema,
  downloadFileSchema,
  downloadViewSchema,
  downloadableViewSchema,
  downloadsViewSchema,
  errorViewSchema,
  finishedRequestSchema,
  foundModelSchema,
  healthViewSchema,
  installationViewSchema,
  modelStatsSchema,
  requestsViewSchema,
  searchViewSchema,
  startedRequestSchema,
  type BackendView,
  type BackendsView,
  type DownloadFile,
  type DownloadView,
  type DownloadableView,
  type DownloadsView,
  type ErrorView,
  type FinishedRequest,
  type FoundModelView,
  type HealthView,
  type InstallationView,
  type ModelStats,
  type RequestsView,
  type SearchView,
  type StartedRequest,
} from './contract/views.js';
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
