// Allowed names for a model and its files: nothing outside the models directory, and nothing that Lamina
// reserves.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createLamina, LaminaError, type Lamina } from '@lamina/core';
import { ggufBytes, head, HostileServer } from './hostile-server.js';
import { impatient } from './harness.js';

describe('the name of a download', () => {
  let folder: string;
  let modelsDir: string;
  let server: HostileServer;
  let lamina: Lamina;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lamina-names-'));
    modelsDir = join(folder, 'models');
    server = await HostileServer.open();
    // The manifest does not exist yet, and the data directory is inside the models directory.
    lamina = await createLamina({ modelsDir, dataDir: join(modelsDir, 'state'), log: 'silent', downloads: impatient });
  });
  afterEach(async () => {
    await lamina.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const pull = async (reference: { url: string; filename?: string }, name?: string) => {
    const { id } = await lamina.downloads.start({ reference, ...(name === undefined ? {} : { name }) });
    return lamina.downloads.wait(id);
  };

  const bad = [
    '/etc/x',
    '../x',
    'a/../../x',
    'a//b',
    './x',
    'a\\b',
    'a\u0000b',
    'a\nb',
    ' a',
    'a ',
    'x'.repeat(201),
    'nul',
    'a/com1.gguf',
    '.lamina',
    '.downloads/x',
    'a/.hidden',
    'state',
    'state/plugins/x',
    'models.yaml',
    'models.yaml/x',
    '~',
    '~/x',
    '${HOME}',
    'a/${HOME}',
  ];
  for (const name of bad) {
    it(`must not be ${JSON.stringify(name.slice(0, 30))}`, async () => {
      const url = server.serve('/tiny.gguf', ggufBytes(1000));
      await assert.rejects(
        pull({ url }, name),
        (error) => LaminaError.is(error, 'REQUEST_INVALID') && error.details['param'] === 'name',
      );
      assert.deepEqual(lamina.downloads.list(), []);
    });
  }

  for (const name of ['..%2f..%2fetc', '%2fetc%2fx', '..x', 'a/..b', 'org/name:Q4_K_M']) {
    const isHidden = name.split('/').some((part) => part.startsWith('.'));
    it(`${isHidden ? 'must not be' : 'may be'} ${name}, and never makes an absolute path in the manifest`, async () => {
      const pulled = pull({ url: server.serve('/tiny.gguf', ggufBytes(1000)) }, name);
      if (isHidden) return assert.rejects(pulled, (error) => LaminaError.is(error, 'REQUEST_INVALID'));
      await pulled;
      assert.equal(lamina.models.get(name)!.entry.path, `${name}/tiny.gguf`);
    });
  }

  const encoded = [
    '/%2fetc%2fevil.gguf',
    '/..%2f..%2fevil.gguf',
    '/%5c..%5cevil.gguf',
    '/a%00/..%2fevil.gguf',
    '/%2e%2e%2fevil.gguf',
  ];
  for (const path of encoded) {
    it(`is the last segment of ${path}`, async () => {
      const url = `${server.origin}${path}`;
      server.serve(new URL(url).pathname, ggufBytes(1000));
      const { model } = await pull({ url });
      assert.equal(model, 'evil');
      assert.ok(existsSync(join(modelsDir, 'evil/evil.gguf')));
    });
  }

  const dispositions: Readonly<Record<string, string>> = {
    'attachment; filename="/etc/evil.gguf"': 'evil.gguf',
    'attachment; filename="..\\\\..\\\\evil.gguf"': 'evil.gguf',
    "attachment; filename*=utf-8''%2fetc%2fevil.gguf": 'evil.gguf',
    'attachment; filename=".."': 'tiny.gguf',
    'attachment; filename="nul.gguf"': 'tiny.gguf',
  };
  for (const [disposition, file] of Object.entries(dispositions)) {
    it(`is the plain file name in ${disposition}`, async () => {
      const content = ggufBytes(1000);
      const url = server.serve('/tiny.gguf', content, (exchange) => {
        const body = head(exchange, { 'content-disposition': disposition });
        if (body !== undefined) exchange.response.end(content.subarray(body.from, body.to));
      });
      await pull({ url }, 'named');
      assert.ok(existsSync(join(modelsDir, 'named', file)));
    });
  }

  it('keeps the files that a reference names in the directory of the model', async () => {
    const outside = resolve(folder, 'outside.gguf');
    writeFileSync(outside, 'mine');
    const url = server.serve('/tiny.gguf', ggufBytes(1000));
    for (const filename of ['../../outside.gguf', outside, 'a/../../x', 'a\\b', 'con', 'a/aux.gguf', '${HOME}.gguf']) {
      await assert.rejects(
        pull({ url, filename }, 'tiny'),
        (error) => LaminaError.is(error) && error.code !== 'INTERNAL',
        filename,
      );
    }
    assert.equal(readFileSync(outside, 'utf8'), 'mine');
    assert.ok(!existsSync(join(modelsDir, 'tiny')));
  });
});
