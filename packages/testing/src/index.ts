// The entry point of @lamina/testing: conformance kits, a fake engine, tiny models, and a Lamina for tests.
export {
  backendConformance,
  testedVersion,
  type BackendCaseName,
  type ConformanceCase,
} from './backend-conformance.js';
export type { BackendKit, KitLimits } from './conformance/kit.js';
export { fakeBackend, fakeEngine, fakePlugin, type FakeBackendOptions, type FakeEngineOptions } from './fake-engine.js';
export type { Behaviour } from './fake-engine/behaviour.js';
export type { FakeEngineState, SeenRequest } from './fake-engine/state.js';
export type { TensorType } from './gguf/tensor.js';
export { httpExtensionConformance, type HttpExtensionCaseName } from './http-extension-conformance.js';
export type {
  HttpExtensionKit,
  KitRoute,
  RouteRequest,
  ServedLamina,
  StreamRequest,
  TestKeys,
} from './http-extension/kit.js';
export { watchForLeaks } from './leaks.js';
export { sourceConformance, type SourceCaseName, type SourceKit } from './source-conformance.js';
export { createTestLamina, type TestLamina, type TestLaminaOptions } from './test-lamina.js';
export { tinyAdapter, type TinyAdapterOptions } from './tiny-adapter.js';
export { tinyGguf, type TinyGguf, type TinyGgufOptions } from './tiny-gguf.js';
