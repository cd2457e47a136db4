// A real web server and a real engine: a model is pulled, nginx and Lamina are killed in the middle, and in the end it chats.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina } from '@lamina/core';
import { tinyGguf } from '@lamina/core/testing';
import { createServer } from '@lamina/server-koa';
import { ask, streamChat } from './support/client.js';
import { describeReal, realLlama } from './support/engine.js';
import { nginx, startNginx, startOn } from './support/nginx-files.js';

const describeHere = nginx === undefined ? (title: string, suite: () => void) => describe.skip(`${title} (skipped: no nginx on this machine)`, suite) : describeReal;

describeHere('a download from a real nginx', () => {
  it('survives the death of nginx and of Lamina, is verified, and chats', async function () {
    this.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), 'lamina-pull-'));
    const [files, models, work] = ['files', 'models', 'nginx'].map((name) => join(folder, name)) as [string, string, string];
    mkdirSync(files);
    const path = join(files, 'tiny.gguf');
    const { says } = await tinyGguf(path, { name: 'tiny', say: ' I am tiny.', layers: 8, embeddingLength: 512 });
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    const total = statSync(path).size;
    let server = await startNginx(files, work, `${Math.round(total / 8 / 1024)}k`);
    try {
      const url = `${server.origin}/tiny.gguf`;
      const child = spawn(process.execPath, [join(import.meta.dirname, 'support/puller.js'), models, url, sha256], { stdio: ['ignore', 'pipe', 'inherit'] });
      let cut = false;
      for await (const lines of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
        const done = Number(lines.trim().split('\n').at(-1));
        if (!cut && done > total / 4) {
          cut = true;
          await server.kill();
          server = await startOn(server.port, files, work, `${Math.round(total / 8 / 1024)}k`);
        }
        if (done > total / 2) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      assert.deepEqual([cut, child.signalCode], [true, 'SIGKILL']);
      const lamina = await createLamina({ modelsDir: models, log: 'silent', plugins: [realLlama()] });
      const house = createServer(lamina, { port: 0 });
      try {
        const [job] = lamina.downloads.list();
        // What was kept is known once the journal and the parts have been read.
        const done = job!.done > 0 ? job!.done : (await lamina.events.once('download.progress', { signal: AbortSignal.timeout(20_000), where: (event) => event.done > 0 })).done;
        assert.ok(done > 0 && done < total, `${done} of ${total} bytes were kept`);
        await lamina.downloads.wait(job!.id);
        assert.equal(lamina.models.get('tiny')?.entry.digest, `sha256:${sha256}`);
        assert.equal(lamina.models.get('tiny')?.entry.backend, 'llama.cpp');
        const { text } = await streamChat(await house.listen(), ask('tiny', 'hi', { max_tokens: 16, temperature: 0 }));
        assert.ok(text.includes(says.trim()), text);
      } finally {
        await house.close();
        await lamina.close();
      }
    } finally {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
