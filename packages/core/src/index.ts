// The door for hosts: make a Lamina, hold it, understand its errors.
export { createLamina, type Lamina } from './lamina.js';
export { defaultLimits, defineConfig } from './config.js';
export { loadConfig } from './installed.js';
export { LaminaError, errorTable, type ErrorCode, type ErrorDetails, type WireError } from './contract/errors.js';
export { networkReasonOf, reasonOf, wireType } from './contract/errors.js';
export {
  backendsView,
  downloadView,
  isActive,
  modelDetail,
  modelsView,
  modelView,
  slotOf,
  suggestionView,
  validationView,
} from './contract/answers.js';
export { tokens } from './kernel/tokens.js';
export { createLog, type LogLevel } from './kernel/log.js';
export { check, describeProblems, nearestHint, type Problem } from './kernel/check.js';
export type { DownloadLimits, LaminaOptions, RuntimeLimits } from './contract/config.js';
export type { EventData, Events, EventType, LaminaEvent } from './contract/events.js';
export { hookTable, type HookName, type HookSignatures, type HookTaps } from './contract/hooks.js';
export type { Manifest, ModelEntry, BackendEntry } from './contract/manifest.js';
export type { FileRole, Model, ModelFile, ModelLimits, ModelMetadata } from './contract/model.js';
export type { Plugin } from './contract/plugin.js';
export type { Json, JsonObject, Schema } from './contract/schema.js';
export type { Clock, Logger } from './contract/context.js';
export type { Policy } from './contract/policy.js';
export type { AddressGuard } from './contract/source.js';
export type {
  AcquireOptions,
  AcquireProgress,
  BackendRecord,
  Backends,
  Download,
  Downloadable,
  DownloadFile,
  DownloadRequest,
  Downloads,
  DownloadState,
  IncomingRequest,
  InferenceRequest,
  Lease,
  ModelRecord,
  Models,
  ModelsChange,
  ModelStats,
  OpenRequest,
  RequestOutcome,
  Requests,
  ResolvedModel,
  Runtime,
  SlotSnapshot,
  SlotState,
  SlotWish,
  SuggestedModel,
  Suggestion,
  Suggestions,
  SuggestRequest,
} from './contract/services.js';
export type {
  Availability,
  Device,
  Endpoint,
  Machine,
  RequestAdapter,
  ServerInfo,
  StopReason,
} from './contract/backend.js';
