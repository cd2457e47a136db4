// The sources of core pass the source conformance suite.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceConformance, type SourceKit } from '@lamina/testing';
import { localSource } from '../../dist/downloads/sources/local.js';
import { urlSource } from '../../dist/downloads/sources/url.js';
import { HttpClient } from '../../dist/downloads/transfer/http.js';
import { ggufBytes, HostileServer } from './hostile-server.js';

function run(kit: SourceKit): void {
  for (const { name, skip, run: runCase } of sourceConformance(kit))
    (skip === undefined ? it : it.skip)(skip === undefined ? name : `${name} (skipped: ${skip})`, runCase);
}

const folder = mkdtempSync(join(tmpdir(), 'lamina-sources-'));
const server = await HostileServer.open();
const http = new HttpClient({}, []);
const link = server.serve('/files/tiny%20one.gguf', ggufBytes(5000));
server.serve('/secret.gguf', Buffer.alloc(0), ({ response }) => void response.writeHead(401).end());
writeFileSync(join(folder, 'tiny.gguf'), ggufBytes(5000));

after(async () => {
  await http.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the source url', () => {
  run({
    source: () => urlSource(http),
    reference: link,
    foreign: [42, 'llama3.2', { repo_id: 'org/name' }, 'ftp://host/file', '/a/file'],
    missing: `${server.origin}/nothing.gguf`,
    denied: `${server.origin}/secret.gguf`,
    private: link,
    skip: {
      'keeps secrets out of the plan': 'it has none: URLs with passwords are rejected',
      'adopts models whose files exist': 'a URL has no files on this machine',
      'finds models that it resolves': 'the web has no list of models',
    },
  });
});

describe('the source local', () => {
  run({
    source: () => localSource(folder),
    reference: './tiny.gguf',
    foreign: [42, 'llama3.2', 'https://host/file', { url: 'x' }],
    missing: join(folder, 'nothing.gguf'),
    private: join(folder, 'tiny.gguf'),
    skip: {
      'keeps secrets out of the plan': 'it has none',
      'rejects a denied model with a message': 'the operator may read what Lamina may read',
      'adopts models whose files exist': 'discovery finds the files in the models directory',
      'finds models that it resolves': 'a person knows their files',
      'rejects when its signal is aborted': 'it only reads the disk',
    },
  });
});
