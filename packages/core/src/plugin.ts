// The entry point for authors of plugins.
export { apiVersion } from './contract/plugin.js';
export { definePlugin } from './kernel/define-plugin.js';
export type { Plugin, PluginContext, PluginDefinition, PluginNeed } from './contract/plugin.js';
export { processBackend } from './process/process-backend.js';
export { pythonEngine, type PythonEngineParts, type PythonProgram } from './process/python-engine.js';
export { lastException, pythonFailures, type KnownFailure, type PythonFailures } from './process/python-failure.js';
export { runTask, type Task, type TaskResult } from './process/run-task.js';
export { engineEnvironment } from './process/environment.js';
export { acceptGguf } from './process/gguf/acceptance.js';
export {
  defaultContext,
  estimateGgufMemory,
  type EngineMemory,
  type GgufPlace,
  type PrintedMemory,
  type PrintedPart,
} from './process/gguf/estimate.js';
export { firstMatch, ggufProblem } from './process/gguf/file-problems.js';
export type { GgufMemoryOptions } from './process/gguf/memory-options.js';
export { processOptions } from './process/description.js';
export type {
  Command,
  FoundEngine,
  InstanceOptions,
  Launch,
  ProbeTools,
  ProcessBackendDescription,
  ProcessOptions,
  RunResult,
  StartedServer,
} from './process/description.js';
export { LaminaError } from './contract/errors.js';
export type { ImportedModels, ImportNote, ModelImport } from './contract/model-import.js';
export { abortable } from './kernel/abort.js';
export { templateFeatures } from './kernel/chat-template.js';
export { ChatPartReader } from './kernel/chat-parts.js';
export { isMapping, parseJson } from './kernel/json.js';
export { isHeaderToken } from './kernel/header-token.js';
export { fileBytes } from './kernel/file-bytes.js';
export { isSafePath } from './kernel/safe-path.js';
export { networkReasonOf } from './kernel/reason.js';
export { isShortage } from './kernel/shortage.js';
export { cores, type Cores } from './process/cores.js';
export type { ErrorCode, ErrorDetails } from './contract/error-table.js';
export type { WireError } from './contract/errors.js';
export type {
  Acceptance,
  Availability,
  Backend,
  BackendContext,
  BackendType,
  Device,
  Endpoint,
  EndpointOptions,
  Health,
  Machine,
  MeasureContext,
  MemoryEstimate,
  ModelServer,
  Placement,
  RequestAdapter,
  ServerExit,
  ServerInfo,
  InstallContext,
  StartContext,
  StopReason,
} from './contract/backends.js';
export { countsModels, type MemorySnapshot, type ModelMemory, type Resources } from './contract/memory.js';
export type {
  AddressGuard,
  DownloadPlan,
  FoundModel,
  Location,
  PlanFile,
  SearchQuery,
  Source,
  SourceContext,
} from './contract/source.js';
export type { FileRole, Model, ModelCapability, ModelFile, ModelLimits, ModelMetadata } from './contract/models.js';
export type { ModelEntry } from './contract/manifest.js';
export type { FromSchema, Json, JsonObject, Schema } from './contract/schema.js';
export type {
  BackendCandidate,
  Discovery,
  HookName,
  HookSignatures,
  HookTaps,
  QueueSnapshot,
  Requirements,
  RoomSnapshot,
  RunningSnapshot,
  SuggestCandidate,
  TapPoint,
} from './contract/hooks.js';
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
export type { EventData, Events, EventType, LaminaEvent, PluginEvent } from './contract/events.js';
export type { ChunkTransform, ResponseTransforms } from './contract/response-transforms.js';
export type { EngineLogLine, EngineLogRange, EngineLogs, FollowedLogLine } from './contract/logs.js';
export type { Clock, Context, Disposable, Logger } from './contract/context.js';
export type { InferenceRequest } from './contract/inference-request.js';
export type { Diagnostic, ModelRecord, Models, ModelsChange, ModelStats, ResolvedModel } from './contract/models.js';
export type { Runtime, SlotSnapshot, SlotState } from './contract/runtime.js';
