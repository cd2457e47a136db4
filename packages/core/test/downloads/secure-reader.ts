// Reads a URL twice with the client of transfers, slowly, and prints the SHA-256 of both. Run with NODE_EXTRA_CA_CERTS,
// which is read when a process starts.
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { DirectClient } from '../../dist/downloads/transfer/wire/direct-client.js';

const client = new DirectClient();
const digests: string[] = [];
for (let turn = 0; turn < 2; turn += 1) {
  const { body } = await client.get(new URL(process.argv[2]!), {}, undefined, new AbortController().signal);
  const hash = createHash('sha256');
  for await (const chunk of body) {
    await delay(2);
    hash.update(chunk);
  }
  digests.push(hash.digest('hex'));
}
await client.close();
console.log(JSON.stringify(digests));
