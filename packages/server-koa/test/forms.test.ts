// Multipart forms as the clients of different languages write them.
import assert from 'node:assert/strict';
import { attached, errorOf, startTestServer, type TestServer } from './support/test-server.js';
import { openRemote, remotePlugin, type Remote } from './support/remote.js';

const route = '/v1/audio/transcriptions';
const sound = Buffer.from([0, 13, 10, 45, 45, 0x58, 13, 10, 255]); // With line ends and dashes, as in a delimiter.

interface FormShape {
  readonly disposition: (field: string, file?: string) => string;
  readonly contentType: string;
}

const quoted = (field: string, file?: string) =>
  `form-data; name="${field}"${file === undefined ? '' : `; filename="${file}"`}`;

/** What is different → the header of a part, and that of the form. */
const shapes: Readonly<Record<string, FormShape>> = {
  "names without quotes and a filename*, as in .NET's HttpClient": {
    disposition: (field, file) =>
      `form-data; name=${field}${file === undefined ? '' : `; filename=${file}; filename*=utf-8''${file}`}`,
    contentType: 'multipart/form-data; boundary="X"',
  },
  'no blank before the name': {
    disposition: (field, file) => quoted(field, file).replaceAll('; ', ';'),
    contentType: 'multipart/form-data;boundary=X',
  },
  'a media type in capitals': { disposition: quoted, contentType: 'Multipart/Form-Data; Boundary=X' },
  'an escaped quote in the name of the file': {
    disposition: (field, file) => quoted(field, file?.replace('.', '\\"2\\".')),
    contentType: 'multipart/form-data; boundary=X',
  },
  'a name of the file in UTF-8': {
    disposition: (field, file) => quoted(field, file?.replace('.', 'ü.')),
    contentType: 'multipart/form-data; charset=utf-8; boundary=X',
  },
};

interface FormPart {
  readonly field: string;
  readonly value: Buffer | string;
  readonly file?: string;
}

function formOf(parts: readonly FormPart[], disposition = quoted): Buffer {
  const written = parts.flatMap(({ field, value, file }) => [
    `--X\r\nContent-Disposition: ${disposition(field, file)}\r\n`,
    file === undefined ? '\r\n' : 'Content-Type: audio/wav\r\n\r\n',
    value,
    '\r\n',
  ]);
  return Buffer.concat([...written, '--X--\r\n'].map((piece) => Buffer.from(piece)));
}

const file: FormPart = { field: 'file', value: sound, file: 'speech.wav' };
const model = (value = 'far'): FormPart => ({ field: 'model', value });
const language: FormPart = { field: 'language', value: 'far' }; // The same text as the model.
const contentType = 'multipart/form-data; boundary=X';

describe('a multipart form', () => {
  let remote: Remote;
  let testServer: TestServer;
  /** The bodies that the engine got, with their content types. */
  const received: { readonly body: Buffer; readonly contentType: string | undefined }[] = [];

  const open = async (ids: Readonly<Record<string, string>> = {}) => {
    remote = await openRemote((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        received.push({ body: Buffer.concat(pieces), contentType: request.headers['content-type'] });
        response.end('{"text":"hello"}');
      });
    });
    testServer = await startTestServer({
      models: {},
      entries: { far: attached },
      plugins: [remotePlugin(() => ({ baseUrl: `${remote.url}/v1` }), { info: { ids } })],
      server: { bodyLimit: 1024 * 1024 },
    });
  };
  const post = (body: Buffer, type = contentType) =>
    fetch(testServer.url + route, { method: 'POST', body, headers: { 'content-type': type } });

  afterEach(async () => {
    received.splice(0);
    await testServer.close();
    await remote.close();
  });

  for (const [difference, { disposition, contentType: type }] of Object.entries(shapes)) {
    it(`with ${difference} reaches the engine unchanged`, async () => {
      await open();
      for (const parts of [
        [model(), file, language],
        [file, language, model()],
      ]) {
        const body = formOf(parts, disposition);
        const answer = await post(body, type);
        assert.equal(answer.status, 200, await answer.text());
        assert.deepEqual(received.pop(), { body, contentType: type });
      }
    });

    it(`with ${difference} gets only another model, when the engine knows it by another id`, async () => {
      await open({ far: 'whisper-1' });
      const parts = [language, file, language];
      for (const at of [0, 1, 2, 3]) {
        assert.equal((await post(formOf(parts.toSpliced(at, 0, model()), disposition), type)).status, 200);
        const body = formOf(parts.toSpliced(at, 0, model('whisper-1')), disposition);
        assert.equal(received.pop()?.body.toString('latin1'), body.toString('latin1'));
      }
    });
  }

  it('that is damaged is refused with the reason, wherever it breaks off', async () => {
    await open();
    const whole = formOf([file, model()]);
    for (let length = 0; length < whole.length - '--\r\n'.length; length++) {
      const answer = await post(whole.subarray(0, length));
      const { code, message } = await errorOf(answer);
      assert.deepEqual([answer.status, code], [400, 'REQUEST_INVALID'], `${length} bytes: ${message}`);
    }
    for (const type of ['multipart/form-data', 'multipart/form-data; boundary=Y']) {
      for (const path of [route, '/v1/audio/others', '/v1/anything']) {
        const init = { method: 'POST', body: whole, headers: { 'content-type': type } };
        const answer = await fetch(testServer.url + path, init);
        assert.equal(answer.status, 400, path);
        assert.match((await errorOf(answer)).message, /^The body is not a valid form: \w.+\.$/);
      }
    }
    assert.deepEqual(received, []);
  });

  it('without a model is refused with the name of the field', async () => {
    await open();
    for (const parts of [[file], [file, { ...model(), file: 'model.txt' }]]) {
      const answer = await post(formOf(parts));
      assert.equal(answer.status, 400);
      assert.equal((await errorOf(answer)).param, 'model');
    }
  });

  it('with more than a thousand parts, or more bytes than the limit, is refused', async () => {
    await open();
    const many = await post(formOf([...Array.from({ length: 1001 }, () => language), model()]));
    assert.equal(many.status, 400);
    assert.match((await errorOf(many)).message, /more than 1000 parts/);
    const large = await post(formOf([{ ...file, value: Buffer.alloc(1024 * 1024) }, model()]));
    assert.equal(large.status, 413);
    assert.equal((await post(formOf([{ ...file, value: Buffer.alloc(1_000_000) }, model()]))).status, 200);
  });
});
