// The audit log: what a line says, how files rotate, and that a failing disk costs lines but no request.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaminaEvent, Logger } from '@lamina/core';
import { guard } from '../dist/index.js';
import { chatChunks, messages, startStage, type Stage } from './support/engine.js';

describe('the audit log', () => {
  let folder: string;
  let stage: Stage;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-audit-'));
  });
  afterEach(async () => {
    await stage.close();
    await rm(folder, { recursive: true });
  });

  const usage = { prompt_tokens: 30, completion_tokens: 12 };
  const server = { apiKeys: [{ key: 'phone-key', name: 'phone' }] };
  const headers = { authorization: 'Bearer phone-key' };
  const ask = async (more: object = {}) => {
    const response = await stage.post('/v1/chat/completions', { messages, ...more }, { headers });
    await response.text();
    return response.status;
  };
  const linesOf = async (path: string) =>
    (await readFile(path, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('has a line for each finished request, also those that are refused, and is complete when Lamina has closed', async () => {
    const file = join(folder, 'deep', 'audit.jsonl');
    stage = await startStage([guard({ audit: { file }, limits: { phone: { requests_per_minute: 2 } } })], { server });
    const finished: LaminaEvent<'request.finished'>[] = [];
    stage.lamina.events.on('request.finished', (event) => void finished.push(event));
    stage.reply = { chunks: chatChunks(['a secret'], usage) };
    assert.equal(await ask({ stream: true }), 200);
    assert.equal(await ask({ model: 'none' }), 404);
    assert.equal(await ask(), 429);
    await stage.lamina.close();
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const lines = await linesOf(file);
    const caller = { key: 'phone', address: '127.0.0.1', via: 'http', route: 'chat/completions' };
    const ends = [
      { model: 'far', stream: true, status: 200, ...usage },
      { model: 'none', stream: false, status: 404, error: 'MODEL_NOT_FOUND' },
      { model: 'far', stream: false, status: 429, error: 'RATE_LIMITED' },
    ];
    assert.deepEqual(
      lines,
      finished.map(({ at: time, request, ms }, index) => ({ time, request, ms, ...caller, ...ends[index] })),
    );
    assert.ok(!JSON.stringify(lines).includes('secret'));
  });

  it('rotates by size, keeps so many older files, and loses no line of them', async () => {
    const file = join(folder, 'audit.jsonl');
    stage = await startStage([guard({ audit: { file, max_size: '1K', max_files: 3 } })]);
    stage.reply = { body: { choices: [], usage } };
    const asked: string[] = [];
    stage.lamina.events.on('request.finished', ({ request }) => void asked.push(request));
    for (let count = 0; count < 40; count++) await ask();
    await stage.lamina.close();
    assert.deepEqual((await readdir(folder)).toSorted(), [
      'audit.jsonl',
      'audit.jsonl.1',
      'audit.jsonl.2',
      'audit.jsonl.3',
    ]);
    const files = ['audit.jsonl.3', 'audit.jsonl.2', 'audit.jsonl.1', 'audit.jsonl'].map((name) => join(folder, name));
    for (const path of files) assert.ok((await stat(path)).size < 1_500, path);
    const kept: unknown[] = [];
    for (const path of files)
      if ((await stat(path)).size > 0) kept.push(...(await linesOf(path)).map(({ request }) => request));
    assert.ok(kept.length > 10);
    assert.deepEqual(kept, asked.slice(-kept.length));
  });

  it('is without lines while the disk fails, with one warning, and goes on when it works again', async () => {
    const warnings: object[] = [];
    const infos: object[] = [];
    const ignore = () => undefined;
    const log: Logger = {
      debug: ignore,
      info: (data, message) => void (message.startsWith('The audit log') && infos.push(data)),
      warn: (data, message) => void (message.startsWith('The audit log') && warnings.push(data)),
      error: ignore,
      child: () => log,
    };
    const place = join(folder, 'place');
    await writeFile(place, 'a file where a directory must be');
    const file = join(place, 'audit.jsonl');
    stage = await startStage([guard({ audit: { file } })], { lamina: { log } });
    stage.reply = { body: { choices: [], usage } };
    for (let count = 0; count < 5; count++) assert.equal(await ask(), 200);
    await until(() => warnings.length > 0);
    for (let count = 0; count < 5; count++) assert.equal(await ask(), 200);
    await rm(place);
    await mkdir(place);
    assert.equal(await ask(), 200);
    await until(() => infos.length > 0);
    assert.equal(await ask(), 200);
    await stage.lamina.close();
    assert.deepEqual([warnings.length, infos], [1, [{ file, lost: 10 }]]);
    assert.equal((await linesOf(file)).length, 2);
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
