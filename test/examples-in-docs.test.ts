// Every `@example` in a docstring compiles, and every method that hosts and plugins call has one.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './support/root.js';
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
  const existsSync: typeof import('node:fs').existsSync;
  const writeFile: typeof import('node:fs/promises').writeFile;
  const join: typeof import('node:path').join;
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

it('examples in docstrings compile', function () {
  this.timeout(60_000);
  assert.ok(examples.length > 80, `Only ${examples.length} examples were found.`);
  assert.deepEqual(errorsOf(examples), []);
});

it('a wrong example is reported with its file and member', function () {
  this.timeout(60_000);
  const [message, ...others] = errorsOf([{ member: 'a.ts Models.list', code: '```ts\nlamina.models.lost();\n```' }]);
  assert.match(message!, /^a\.ts Models\.list: Property 'lost' does not exist/);
  assert.deepEqual(others, []);
});

function nameOf(node: ts.Node): string {
  const { name } = node as { name?: ts.Node };
  return name !== undefined && ts.isIdentifier(name) ? name.text : '';
}

/** Compiles all examples in one program, each as a module in examples/. */
function errorsOf(checked: readonly Example[]): string[] {
  const files = new Map(checked.map((example, index) => [join(root, `examples/example-${index}.ts`), example]));
  const texts = new Map([...files].map(([path, example]) => [path, moduleOf(example)]));
  texts.set(join(root, 'examples/globals.d.ts'), globals);
  const { options } = ts.getParsedCommandLineOfConfigFile(
    join(root, 'examples/tsconfig.json'),
    { noEmit: true, composite: false, incremental: false, noUnusedLocals: false, types: ['node', 'mocha'] },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined },
  )!;
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.getSourceFile = (name, version, ...rest) => {
    const text = texts.get(name);
    return text === undefined ? getSourceFile(name, version, ...rest) : ts.createSourceFile(name, text, version);
  };
  host.fileExists = (name) => texts.has(name) || fileExists(name);
  const program = ts.createProgram([...texts.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const member = files.get(file?.fileName ?? '')?.member ?? file?.fileName;
    return `${member}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

function moduleOf({ member, code }: Example): string {
  const fenced = /^```ts\n([^]*?)\n```$/.exec(code.trim());
  assert.ok(fenced !== null, `${member}: an example is a fenced block of TypeScript.`);
  const [file = ''] = member.split(' ');
  return `${forPlugins.test(file) ? 'const lamina = pluginContext;\n' : ''}${fenced[1]}\nexport {};\n`;
}
