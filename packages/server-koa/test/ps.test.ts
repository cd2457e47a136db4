// GET /ps: which models are in use, why others wait, and the memory they share.
import assert from 'node:assert/strict';
import type { ModelDetail, PsModel, PsView } from '@lamina/core/protocol';
import { chat, startTestServer, until, type TestServer } from './support/test-server.js';

const manager = { authorization: 'Bearer manager-key-1' };
const guest = { authorization: 'Bearer guest-key-1' };

/** A model without what is measured again and again. */
function unmeasured({ memory, idle_at: _idle, started_at: _started, ...model }: PsModel): object {
  const { resident_bytes: _, ...rest } = memory!;
  return { ...model, memory: rest };
}

describe('GET /ps', function () {
  this.timeout(30_000);
  let testServer: TestServer;

  beforeEach(async () => {
    testServer = await startTestServer({
      models: {
        big: { memory_bytes: 70_000_000, chunks: 1_000_000, chunk_ms: 1 },
        small: { memory_bytes: 60_000_000 },
        broken: { memory_bytes: 1_000_000, exit_code: 3 },
      },
      lamina: { limits: { memory: 100_000_000 } },
      server: {
        apiKeys: [{ key: 'manager-key-1' }, { key: 'guest-key-1', scope: 'inference' }],
      },
    });
  });
  afterEach(() => testServer.close());

  const get = async <T>(path: string, headers: Record<string, string> = manager): Promise<T> => {
    const answer = await fetch(testServer.url + path, { headers });
    assert.equal(answer.status, 200);
    return (await answer.json()) as T;
  };
  const ps = (headers = manager) => get<PsView>('/ps', headers);
  const ask = (model: string, more: object = {}, init: RequestInit = {}) =>
    testServer.post('/v1/chat/completions', chat(model, 'hi', more), { headers: guest, ...init });

  it('has no models when none is in use, and what the machine has', async () => {
    const { models, resources, machine } = await ps();
    assert.deepEqual(models, {});
    assert.deepEqual(Object.keys(resources).sort(), ['host', 'servers']);
    assert.deepEqual([resources['host']?.budget, resources['host']?.reserved], [100_000_000, 0]);
    assert.deepEqual(resources['servers'], { budget: 4, reserved: 0, free: 4 });
    assert.ok(machine.available_bytes > 0 && machine.available_bytes <= machine.total_bytes);
  });

  it('says what a busy model holds, and why requests for another one wait', async () => {
    const leave = new AbortController();
    const answer = await ask('big', { stream: true }, { signal: leave.signal });
    await answer.body!.getReader().read();
    const waiting = ask('small');
    await until('the second model waits', async () => (await ps()).models['small']?.wait_reason !== undefined);
    const { models, resources } = await ps();
    const { big, small } = models;
    assert.deepEqual(
      [big?.state, big?.backend, big?.busy, big?.waiting, big?.idle_at],
      ['ready', 'fake', 1, 0, undefined],
    );
    assert.deepEqual(big?.memory?.reserved, { host: 70_000_000, servers: 1 });
    assert.equal(big.memory.basis, 'estimate');
    assert.deepEqual([small?.state, small?.busy, small?.waiting], ['queued', 0, 1]);
    assert.equal(small?.memory, undefined);
    assert.match(small?.wait_reason ?? '', /^it needs 30 MB more memory, and "big" is busy$/);
    assert.deepEqual(resources['host'], { budget: 100_000_000, reserved: 70_000_000, free: 30_000_000 });
    leave.abort();
    assert.equal((await waiting).status, 200);
    const after = (await ps()).models;
    assert.deepEqual(Object.keys(after), ['small'], 'big made way');
    assert.ok(Date.parse(after['small']!.idle_at!) > Date.now());
  });

  it('says why a model failed and when it will be tried again, and so does its own page', async () => {
    const before = Date.now();
    assert.equal((await ask('broken')).status, 502);
    const { broken } = (await ps()).models;
    assert.deepEqual([broken?.state, broken?.error?.code], ['failed', 'MODEL_START_FAILED']);
    assert.ok(Date.parse(broken!.retry_at!) > before);
    const detail = await get<ModelDetail>('/models/broken');
    assert.deepEqual(detail.error, broken!.error);
    assert.ok(Date.parse(detail.retry_at!) > before);
  });

  it('shows processes and addresses to callers with the scope manage only', async () => {
    await (await ask('small')).text();
    const { pid, origin } = testServer.lamina.runtime.slot('small');
    const full = (await ps()).models['small']!;
    assert.deepEqual([full.pid, full.origin], [pid, origin]);
    const limited = await ps(guest);
    const { pid: _pid, origin: _origin, ...rest } = full;
    assert.deepEqual(unmeasured(limited.models['small']!), unmeasured(rest));
    assert.ok(!JSON.stringify(limited).includes(origin!));
    const { server } = await get<ModelDetail>('/models/small', guest);
    assert.deepEqual(server?.memory?.reserved, full.memory?.reserved);
    assert.equal((await fetch(`${testServer.url}/ps`)).status, 401);
  });
});
