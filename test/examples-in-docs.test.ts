// Every `@example` in a docstring compiles, and every method that hosts and plugins call has one.
import assert from 'node:assert/strict';
import ts from 'typescript';
import { compilerErrors } from './support/compiler.js';
import { sources } from './support/sources.js';

/** Interfaces whose methods all need an example. */
const services = [
  'Models',
  'Suggestions',
  'Backends',
  'Runtime',
  'Downloads',
  'Inference',
  'Events',
  'ChatStream',
  'PluginContext',
  'HookSignatures',
];
/** In these files, `lamina` is what a plugin receives; elsewhere it is what a host has. */
const forPlugins = /contract\/(hooks|plugin|response-transforms)\.ts$/;

/** What examples use without declaring it. */
const globals = `
import type { ServerResponse, IncomingMessage } from 'node:http';
import type * as core from '@lamina/core';
import type * as authors from '@lamina/core/plugin';
import type * as testing from '@lamina/testing';
import type * as cli from '@lamina/cli';

declare global {
  const lamina: core.Lamina;
  const pluginContext: authors.PluginContext;
  const signal: AbortSignal;
  const error: unknown;
  const id: string;
  const lastSeen: string;
  const body: Buffer;
  const incoming: IncomingMessage;
  const response: ServerResponse;
  const eventSink: core.EventSink;
  const model: authors.Model;
  const policy: core.Policy;
  const backend: authors.Backend;
  const backendType: authors.BackendType;
  const server: authors.ModelServer;
  const source: authors.Source;
  const kit: testing.BackendKit & testing.SourceKit & testing.HttpExtensionKit;
  const client: import('@lamina/client').LaminaClient;
  const text: string;
  const createServer: typeof import('@lamina/server-koa').createServer;
  const httpExtensionConformance: typeof testing.httpExtensionConformance;
  type HttpExtensionKit = testing.HttpExtensionKit;
  const runTheCodeUnderTest: () => Promise<void>;
  const definePlugin: typeof authors.definePlugin;
  const LaminaError: typeof authors.LaminaError;
  const runCommand: typeof cli.runCommand;
  const backendConformance: typeof testing.backendConformance;
  const sourceConformance: typeof testing.sourceConformance;
  const fakeEngine: typeof testing.fakeEngine;
  const fakePlugin: typeof testing.fakePlugin;
  const createTestLamina: typeof testing.createTestLamina;
  const watchForLeaks: typeof testing.watchForLeaks;
  const hfSource: typeof import('@lamina/plugin-hf-source').hfSource;
  const ollamaSource: typeof import('@lamina/plugin-ollama-source').ollamaSource;
  const spawn: typeof import('node:child_process').spawn;
  const sessionStorage: { getItem(name: string): string | null; setItem(name: string, value: string): void };
  const existsSync: typeof import('node:fs').existsSync;
  const writeFile: typeof import('node:fs/promises').writeFile;
  const join: typeof import('node:path').join;
  type Clock = core.Clock;
  type Policy = core.Policy;
  type Backend = authors.Backend;
  type BackendType = authors.BackendType;
  type ModelServer = authors.ModelServer;
  type RequestAdapter = authors.RequestAdapter;
  type Source = authors.Source;
}
`;

interface Example {
  /** `packages/core/src/contract/models.ts Models.list`. */
  readonly member: string;
  readonly code: string;
}

const examples: Example[] = [];
const withoutExample: string[] = [];
for (const { path, text } of sources) {
  const visit = (node: ts.Node, owner: string): void => {
    const name = nameOf(node);
    const member = [owner, name].filter((part) => part !== '').join('.');
    const found = ts.getJSDocTags(node).filter((tag) => tag.tagName.text === 'example' && tag.parent.parent === node);
    for (const tag of found)
      examples.push({ member: `${path} ${member}`, code: ts.getTextOfJSDocComment(tag.comment) ?? '' });
    if (ts.isMethodSignature(node) && services.includes(owner) && found.length === 0) withoutExample.push(member);
    ts.forEachChild(node, (child) => visit(child, member));
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true), '');
}

it('every method of a service has an example', () => {
  assert.deepEqual(withoutExample, []);
});

describe('examples in docstrings', function () {
  this.timeout(60_000);
  const wrong: Example = { member: 'a.ts Models.list', code: '```ts\nlamina.models.lost();\n```' };
  let errors: readonly string[];
  // One program, because it takes seconds to read the libraries.
  before(() => (errors = errorsOf([...examples, wrong])));

  it('compile', () => {
    assert.ok(examples.length > 80, `Only ${examples.length} examples were found.`);
    assert.deepEqual(
      errors.filter((message) => !message.startsWith(wrong.member)),
      [],
    );
  });

  it('are reported with their file and member when they are wrong', () => {
    const [message, ...others] = errors.filter((message) => message.startsWith(wrong.member));
    assert.match(message!, /^a\.ts Models\.list: Property 'lost' does not exist/);
    assert.deepEqual(others, []);
  });
});

function nameOf(node: ts.Node): string {
  const { name } = node as { name?: ts.Node };
  return name !== undefined && ts.isIdentifier(name) ? name.text : '';
}

/** Compiles all examples in one program, each as a module in examples/. */
function errorsOf(checked: readonly Example[]): string[] {
  const files = new Map(checked.map((example, index) => [`example-${index}.ts`, example]));
  const texts = new Map([...files].map(([name, example]) => [name, moduleOf(example)]));
  texts.set('globals.d.ts', globals);
  return [...compilerErrors(texts, { noUnusedLocals: false, types: ['node', 'mocha'] })].flatMap(([name, messages]) =>
    messages.map((message) => `${files.get(name)?.member ?? name}: ${message}`),
  );
}

function moduleOf({ member, code }: Example): string {
  const fenced = /^```ts\n([^]*?)\n```$/.exec(code.trim());
  assert.ok(fenced !== null, `${member}: an example is a fenced block of TypeScript.`);
  const [file = ''] = member.split(' ');
  return `${forPlugins.test(file) ? 'const lamina = pluginContext;\n' : ''}${fenced[1]}\nexport {};\n`;
}
