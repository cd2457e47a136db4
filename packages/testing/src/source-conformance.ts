// What every source must do, as a list of cases for any test runner.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  type DownloadPlan,
  type FoundModel,
  type Json,
  LaminaError,
  type PlanFile,
  type Source,
  type SourceContext,
} from '@lamina/core/plugin';
import type { ConformanceCase } from './backend-conformance.js';

/**
 * A source and what to test it with. A case that needs a missing member fails, unless `skip` says why it does not apply.
 */
export interface SourceKit {
  /** Creates the source; called for each case. */
  source(): Source | Promise<Source>;
  /** A reference to a model that can be downloaded. */
  readonly reference: Json;
  /** References of other sources. Default: references that no source has. */
  readonly foreign?: readonly Json[];
  /**
   * A reference of this source to a model that does not exist. It must be rejected with `SOURCE_MODEL_NOT_FOUND`, or with
   * `SOURCE_DENIED` by sources that do not tell the two apart.
   */
  readonly missing?: Json;
  /** A reference to a model that the source has no permission for; it must be rejected with `SOURCE_DENIED`. */
  readonly denied?: Json;
  /**
   * A reference to a private address, which requests over the network must not reach; it must be rejected with `FORBIDDEN`
   * (what `context.fetch` throws) or `SOURCE_DENIED`.
   */
  readonly private?: Json;
  /** What to search for; it must find at least one model. */
  readonly query?: string;
  /** All secrets of the source, such as its token; no plan may contain one. */
  readonly secrets?: readonly string[];
  /** Name of a case → why it does not apply. */
  readonly skip?: Readonly<Record<string, string>>;
}

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const limitMs = 30_000;

const cases = {
  'resolves its reference to a plan with safe, unique paths and its own name': async (kit) => {
    const { source, plan } = await resolved(kit);
    assert.equal(plan.source, source.name);
    assert.ok(plan.files.length > 0, 'the plan has no files');
    assert.equal(new Set(plan.files.map(({ path }) => path)).size, plan.files.length, 'a path occurs twice');
    for (const { path, sha256, bytes } of plan.files) {
      assert.ok(isSafe(path), `the path ${path} leaves the directory of the model`);
      assert.ok(sha256 === undefined || /^[0-9a-f]{64}$/i.test(sha256), `the SHA-256 of ${path} is not one`);
      assert.ok(bytes === undefined || (Number.isInteger(bytes) && bytes >= 0), `the size of ${path} is not one`);
    }
  },
  'resolves its reference to a plan that is plain JSON': async (kit) => {
    const { plan } = await resolved(kit);
    assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
  },
  'keeps secrets out of the plan': async (kit) => {
    assert.ok(kit.secrets !== undefined && kit.secrets.length > 0, 'the kit names no secrets');
    const { plan } = await resolved(kit);
    for (const secret of kit.secrets) assert.ok(!JSON.stringify(plan).includes(secret), 'a secret is in the plan');
  },
  'resolves the same reference to the same plan': async (kit) => {
    const [first, second] = [await resolved(kit), await resolved(kit)];
    assert.deepEqual(second.plan, first.plan);
  },
  'locates each file of its plan, also after a restart': async (kit) => {
    const { plan } = await resolved(kit);
    const again = await sourceOf(kit);
    const kept = JSON.parse(JSON.stringify(plan)) as DownloadPlan;
    for (const file of kept.files)
      if ('key' in file.from) assert.match((await again.locate(file, kept, contextOf())).url, /^https?:\/\//);
  },
  'serves the announced bytes': async (kit) => {
    const { source, plan } = await resolved(kit);
    for (const file of plan.files) if ('key' in file.from) await checkBytes(source, plan, file);
  },
  'returns undefined for references of other sources': async (kit) => {
    const source = await sourceOf(kit);
    for (const reference of kit.foreign ?? [42, true, [], {}, 'no-such-scheme://nothing here'])
      assert.equal(
        await source.resolve(reference, contextOf()),
        undefined,
        `${JSON.stringify(reference)} was resolved`,
      );
  },
  'rejects a missing model with a message': (kit) =>
    assertRejected(kit, 'missing', ['SOURCE_MODEL_NOT_FOUND', 'SOURCE_DENIED']),
  'rejects a denied model with a message': (kit) => assertRejected(kit, 'denied', ['SOURCE_DENIED']),
  'rejects a private address in a network request': (kit) =>
    assertRejected(kit, 'private', ['FORBIDDEN', 'SOURCE_DENIED'], true),
  'rejects when its signal is aborted': async (kit) => {
    const source = await sourceOf(kit);
    await assert.rejects(async () =>
      source.resolve(kit.reference, contextOf(false, AbortSignal.abort(new LaminaError('ABORTED', {})))),
    );
  },
  'adopts models whose files exist': async (kit) => {
    const source = await sourceOf(kit);
    assert.ok(source.adopt !== undefined, 'the source adopts nothing; skip this case');
    let count = 0;
    for await (const model of source.adopt(contextOf())) {
      count += 1;
      assert.equal(model.from, 'adopted');
      assert.ok(model.files.length > 0 && model.files.every(({ bytes }) => bytes > 0), `${model.name} has no files`);
    }
    assert.ok(count > 0, 'no model was adopted');
  },
  'finds models that it resolves': async (kit) => {
    const source = await sourceOf(kit);
    assert.ok(source.search !== undefined, 'the source cannot be searched; skip this case');
    assert.ok(kit.query !== undefined, 'the kit has no "query" to search for; skip this case, with the reason');
    const found = await source.search({ text: kit.query, limit: 1 }, contextOf());
    assert.equal(found.length, 1, `the search for "${kit.query}" with the limit 1 found ${found.length} models`);
    const [{ reference }] = found as [FoundModel];
    assert.match(reference, /^[a-z0-9][\w.:/@+-]*$/i, `the reference "${reference}" cannot be pasted into a terminal`);
    const plan = await source.resolve(reference, contextOf());
    assert.ok(plan !== undefined, `the source does not recognise "${reference}", which it found`);
    assert.deepEqual(await source.search({ text: 'no such model 7f3a', limit: 1 }, contextOf()), []);
  },
} satisfies Record<string, (kit: SourceKit) => Promise<void>>;

/** The name of a case of {@link sourceConformance}. */
export type SourceCaseName = keyof typeof cases;

/**
 * The cases for a source.
 * @throws Error when `skip` names a case that does not exist, or gives no reason
 * @example
 * ```ts
 * for (const { name, skip, run } of sourceConformance(kit)) (skip ? it.skip : it)(name, run);
 * ```
 */
export function sourceConformance(kit: SourceKit): ConformanceCase[] {
  for (const [name, reason] of Object.entries(kit.skip ?? {})) {
    if (!(name in cases))
      throw new Error(`There is no case "${name}" to skip. The cases are:\n${Object.keys(cases).join('\n')}`);
    if (reason.trim() === '') throw new Error(`The case "${name}" is skipped without a reason.`);
  }
  return Object.entries(cases).map(([name, run]) => ({
    name,
    ...(kit.skip?.[name] === undefined ? {} : { skip: kit.skip[name] }),
    run: () => run(kit),
  }));
}

async function resolved(kit: SourceKit): Promise<{ source: Source; plan: DownloadPlan }> {
  const source = await sourceOf(kit);
  const plan = await source.resolve(kit.reference, contextOf());
  assert.ok(plan !== undefined, 'the source does not recognise its own reference');
  return { source, plan };
}

async function assertRejected(
  kit: SourceKit,
  subject: 'missing' | 'denied' | 'private',
  codes: readonly string[],
  remote = false,
): Promise<void> {
  const reference = kit[subject];
  assert.ok(reference !== undefined, `the kit has no "${subject}" reference; skip this case, with the reason`);
  const source = await sourceOf(kit);
  const wanted = `Reject with a LaminaError whose code is ${codes.join(' or ')}`;
  const error: unknown = await source.resolve(reference, contextOf(remote)).then(
    (plan) => assert.fail(`the source ${plan === undefined ? 'returned undefined' : 'resolved it'}. ${wanted}.`),
    (reason: unknown) => reason,
  );
  assert.ok(LaminaError.is(error), `the source threw ${String(error)}. ${wanted}.`);
  assert.ok(codes.includes(error.code), `the source threw ${error.code}: ${error.message} ${wanted}.`);
  assert.match(error.message, /\.$/, `the message "${error.message}" is not a sentence. End it with a full stop.`);
}

/** The source, after a check of its members, so that a missing one is named. */
async function sourceOf(kit: SourceKit): Promise<Source> {
  const source = await kit.source();
  for (const member of ['resolve', 'locate'] as const)
    assert.equal(
      typeof source[member],
      'function',
      `The source "${String(source.name)}" has no ${member}(). A source is { name, resolve, locate }.`,
    );
  return source;
}

async function checkBytes(source: Source, plan: DownloadPlan, file: PlanFile): Promise<void> {
  const { url, headers = {} } = await source.locate(file, plan, contextOf());
  const response = await fetch(url, {
    headers: { ...headers, 'accept-encoding': 'identity', connection: 'close' },
    signal: AbortSignal.timeout(limitMs),
  });
  assert.ok(response.ok, `${file.path}: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (file.bytes !== undefined) assert.equal(bytes.length, file.bytes, `${file.path} has another size`);
  if (file.sha256 !== undefined)
    assert.equal(
      createHash('sha256').update(bytes).digest('hex'),
      file.sha256.toLowerCase(),
      `${file.path} has another SHA-256`,
    );
}

function contextOf(remote = false, signal: AbortSignal = AbortSignal.timeout(limitMs)): SourceContext {
  return remote
    ? { signal, log: silent, remote, guard: 'public', fetch: forbidden }
    : { signal, log: silent, fetch: globalThis.fetch };
}

/** A fetch that every request fails with, for a download that may not reach any address. */
function forbidden(): Promise<never> {
  return Promise.reject(new LaminaError('FORBIDDEN', { message: 'This address is one of a private network.' }));
}

function isSafe(path: string): boolean {
  return (
    !path.startsWith('/') &&
    !path.includes('\\') &&
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}
