// A Python environment with a program in the place of vLLM, and one in the place of nvidia-smi. The first one prints its
// arguments and its environment, and serves what a start needs.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const program = `
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

names = ["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "VLLM_CPU_KVCACHE_SPACE"]
print("started " + json.dumps({"args": sys.argv[1:], "env": {name: os.environ[name] for name in names if name in os.environ}}), flush=True)

class Handler(BaseHTTPRequestHandler):
    def answer(self):
        path = self.path.split("?")[0]
        if self.command == "POST":
            print("asked " + self.path, flush=True)
        allowed = not path.startswith("/v1/") or self.headers["authorization"] == "Bearer " + os.environ["VLLM_API_KEY"]
        body = {"/v1/models": {"data": [{"id": "tiny", "max_model_len": 2048}]}, "/openapi.json": {"paths": {}}}
        content = json.dumps(body.get(path, {})).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
    do_GET = do_POST = answer
    def log_message(self, *_):
        pass

port = int(sys.argv[sys.argv.index("--port") + 1])
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
`;

/** An environment with vLLM; `env` is what a Lamina that finds it is created with. */
export interface FakeVllm {
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/**
 * Makes an environment. `gpus`: the lines that nvidia-smi prints; without them there is no nvidia-smi.
 */
export async function fakeVllm({
  distribution = 'vllm',
  version = '0.32.0',
  gpus,
}: {
  distribution?: string;
  version?: string;
  gpus?: readonly string[];
} = {}): Promise<FakeVllm> {
  const folder = await mkdtemp(join(tmpdir(), 'lamina-fake-vllm-'));
  execFileSync('python3', ['-m', 'venv', '--without-pip', folder]);
  const python = join(folder, 'bin/python');
  const site = execFileSync(python, ['-c', 'import sysconfig; print(sysconfig.get_paths()["purelib"])'], {
    encoding: 'utf8',
  }).trim();
  await mkdir(join(site, 'vllm'));
  await writeFile(join(site, 'vllm/__init__.py'), '');
  await mkdir(join(site, 'vllm.dist-info'));
  await writeFile(
    join(site, 'vllm.dist-info/METADATA'),
    `Metadata-Version: 2.1\nName: ${distribution}\nVersion: ${version}\n`,
  );
  await writeFile(join(folder, 'bin/vllm'), `#!${python}\n${program}`, { mode: 0o755 });
  const tools = join(folder, 'tools');
  await mkdir(tools);
  if (gpus !== undefined)
    await writeFile(
      join(tools, 'nvidia-smi'),
      `#!/bin/sh\nprintf '%s\\n' ${gpus.map((line) => `'${line}'`).join(' ')}\n`,
      {
        mode: 0o755,
      },
    );
  return {
    env: { PATH: [tools, '/usr/bin', '/bin'].join(delimiter), VIRTUAL_ENV: folder },
    remove: () => rm(folder, { recursive: true }),
  };
}
