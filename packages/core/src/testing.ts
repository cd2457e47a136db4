// The door for testers: conformance kits, a fake engine, tiny models, a whole Lamina for a test.
export {
  backendConformance,
  testedVersion,
  type BackendCaseName,
  type ConformanceCase,
} from './testing/backend-conformance.js';
export type { BackendKit, KitLimits } from './testing/conformance/kit.js';
export {
  fakeBackend,
  fakeEngine,
  fakePlugin,
  type FakeBackendOptions,
  type FakeEngineOptions,
} from './testing/fake-engine.js';
export type { Behaviour } from './testing/fake-engine/behaviour.js';
export type { FakeEngineState, SeenRequest } from './testing/fake-engine/state.js';
export type { TensorType } from './testing/gguf/tensor.js';
export { watchForLeaks } from './testing/leaks.js';
export { sourceConformance, type SourceCaseName, type SourceKit } from './testing/source-conformance.js';
export { createTestLamina, type TestLamina, type TestLaminaOptions } from './testing/test-lamina.js';
export { tinyAdapter, type TinyAdapterOptions } from './testing/tiny-adapter.js';
export { tinyGguf, type TinyGguf, type TinyGgufOptions } from './testing/tiny-gguf.js';
