// The entry point for hosts: creates a Lamina, and exports the types of its services and errors.
export { createLamina, type Lamina } from './create-lamina.js';
export { defaultDownloadLimits, defaultLimits, parseSize } from './config.js';
export { LaminaError, type WireError } from './contract/errors.js';
export { errorTable, type ErrorCode, type ErrorDetails } from './contract/error-table.js';
export { abortable } from './kernel/abort.js';
export { ProxiedFetch } from './kernel/proxied-fetch.js';
export { reasonOf } from './kernel/reason.js';
export { usageOptions } from './kernel/usage-options.js';
export { wordsOf } from './kernel/words.js';
export { wireType } from './contract/errors.js';
export {
  backendsView,
  installationView,
  downloadView,
  isActive,
  modelDetail,
  modelsView,
  modelView,
  searchView,
  suggestionView,
  validationView,
} from './views/views.js';
export { metadataOf, servedModel } from './views/model-facts.js';
export { heldMemory, psView } from './views/ps-view.js';
export { slotOf } from './views/slot-of.js';
export { modelRuns, type ModelRun } from './views/model-runs.js';
export { tokens } from './kernel/tokens.js';
export { createLog, type LogLevel } from './kernel/log.js';
export { check, describeProblems, nearestHint, type Problem } from './kernel/check.js';
export type { DownloadLimits, LaminaOptions, RuntimeLimits } from './contract/config.js';
export type { Caller, Scope } from './contract/caller.js';
export type {
  ChatMessage,
  ChatPart,
  ChatRequest,
  ChatStream,
  CompletionChunk,
  CompletionRequest,
  CompletionStream,
  EmbedRequest,
  EmbedResult,
  InferenceOptions,
  InferenceStream,
  ToolCall,
} from './contract/chat.js';
export type { ChatCompletionChunk, Usage } from './contract/frames.js';
// eslint-disable-next-line no-restricted-syntax -- only interfaces that a star exports can be augmented here
export * from './contract/extensions.js';
export type { ImportedModels, ImportNote, ModelImport } from './contract/model-import.js';
export type { EventData, Events, EventType, LaminaEvent, PluginEvent } from './contract/events.js';
export { hookTable, type HookName, type HookSignatures, type HookTaps } from './contract/hooks.js';
export type { BackendEntry, Manifest, ManifestEntries, ModelEntry, ModelGroup } from './contract/manifest.js';
export type { FileRole, Model, ModelCapability, ModelFile, ModelLimits, ModelMetadata } from './contract/models.js';
export { apiVersion, type Plugin, type PluginNeed, type PluginRecord } from './contract/plugin.js';
export type { FromSchema, Json, JsonObject, Schema } from './contract/schema.js';
export type { EngineLogLine, EngineLogRange, EngineLogs, FollowedLogLine } from './contract/logs.js';
export type { Clock, Logger } from './contract/context.js';
export type { Policy } from './contract/policy.js';
export type { AddressGuard, FoundModel } from './contract/source.js';
export type {
  AcquireOptions,
  LoadOptions,
  AcquireProgress,
  Lease,
  Runtime,
  SlotSnapshot,
  SlotState,
  DesiredState,
} from './contract/runtime.js';
export type { MemorySnapshot, ModelMemory, Resources } from './contract/memory.js';
export type { SystemMemory } from './contract/processes.js';
export type { BackendChoice, BackendRecord, Backends } from './contract/backends.js';
export type {
  Download,
  Downloadable,
  DownloadFile,
  DownloadRequest,
  Downloads,
  DownloadState,
  SearchOptions,
  SearchResult,
} from './contract/downloads.js';
export type {
  EventSink,
  FormBody,
  ForwardRequest,
  ForwardResult,
  IncomingRequest,
  Inference,
  InferenceHandle,
  RequestOutcome,
  ResponseSink,
} from './contract/inference.js';
export type { InferenceRequest, RequestHeaders } from './contract/inference-request.js';
export type { Diagnostic, ModelRecord, Models, ModelsChange, ModelStats, ResolvedModel } from './contract/models.js';
export type { SuggestedModel, Suggestion, Suggestions, SuggestRequest } from './contract/suggestions.js';
export type {
  Availability,
  Device,
  Endpoint,
  EndpointOptions,
  Machine,
  RequestAdapter,
  ServerInfo,
  StopReason,
} from './contract/backends.js';
