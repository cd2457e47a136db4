// Compares downloads by Lamina, curl and aria2c: time and CPU of the whole process, then the memory of Lamina.
// PATH=$(bash scripts/get-programs.sh nginx curl aria2c):$PATH node bench/dist/downloads.js [repetitions]
import { execFile, spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';
import { median } from './median.js';

const run = promisify(execFile);
const puller = fileURLToPath(new URL('./downloads-pull.js', import.meta.url));
const repetitions = Number(process.argv[2] ?? 5);
const mebibyte = 1024 * 1024;

/** A shell command that downloads `url` into an empty folder. */
type Command = (url: string, folder: string, sha256: string) => string;

const commands: Readonly<Record<string, Command>> = {
  Lamina: (url, folder, sha256) => `'${process.execPath}' '${puller}' '${folder}' '${url}' '${sha256}'`,
  curl: (url, folder) => `curl -sSf -o '${folder}/file' '${url}'`,
  'curl | sha256sum': (url, folder) => `curl -sSf '${url}' | tee '${folder}/file' | sha256sum`,
  'curl, then sha256sum': (url, folder) => `{ curl -sSf -o '${folder}/file' '${url}' && sha256sum '${folder}/file'; }`,
  // Four connections, as Lamina uses for a file.
  aria2c: (url, folder) => `aria2c -q -x 4 -s 4 -k 1M --file-allocation=none -d '${folder}' -o file '${url}'`,
};

interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

// In memory where possible: this compares transfers, not disks.
const memoryFolder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'lamina-bench-'));
const diskFolder = await mkdtemp(join(tmpdir(), 'lamina-bench-'));
try {
  await compare('loopback, 1 GiB', 1024, '0');
  await compare('each connection limited to 20 MiB/s, 256 MiB', 256, '20m');
  console.log('\npeak memory of a process that downloads');
  for (const size of [16, 1024, 4096]) await printPeakMemory(size);
} finally {
  for (const folder of [memoryFolder, diskFolder]) await rm(folder, { recursive: true, force: true });
}

async function compare(title: string, size: number, rate: string): Promise<void> {
  const root = await mkdtemp(join(memoryFolder, 'served-'));
  await writeRandom(join(root, 'file.bin'), size);
  const sha256 = await sha256Of(join(root, 'file.bin'));
  const costs = new Map(Object.keys(commands).map((name) => [name, [] as Cost[]]));
  await serving(root, rate, async (origin) => {
    for (let turn = 0; turn < repetitions; turn += 1) {
      for (const [name, command] of Object.entries(commands)) {
        const folder = await mkdtemp(join(memoryFolder, 'pulled-'));
        costs.get(name)!.push(await timed(command(`${origin}/file.bin`, folder, sha256)));
        await rm(folder, { recursive: true });
      }
    }
  });
  await rm(root, { recursive: true });
  console.log(`\n${title}, with process start: medians of ${repetitions}`);
  const speed = (name: string) => size / median(costs.get(name)!.map(({ seconds }) => seconds));
  for (const [name, all] of costs) {
    const cpu = (median(all.map(({ cpuSeconds }) => cpuSeconds)) * 1024) / size;
    const ratio = name === 'Lamina' ? '' : `   Lamina: ${(speed('Lamina') / speed(name)).toFixed(2)} times the speed`;
    const columns = [name.padEnd(22), `${speed(name).toFixed(0).padStart(6)} MiB/s`, `${cpu.toFixed(2)} CPU s per GiB`];
    console.log(`  ${columns.join(' ')}${ratio}`);
  }
}

/** The served file is sparse and takes no space. */
async function printPeakMemory(size: number): Promise<void> {
  const root = join(diskFolder, 'served');
  await mkdir(root, { recursive: true });
  await writeFile(join(root, 'file.bin'), '');
  await truncate(join(root, 'file.bin'), size * mebibyte);
  const pulled = join(diskFolder, 'pulled');
  const { stdout } = await serving(root, '0', (origin) =>
    run(process.execPath, [puller, pulled, `${origin}/file.bin`, '']),
  );
  await rm(pulled, { recursive: true });
  console.log(`  ${`${size} MiB`.padEnd(22)}${(Number(stdout) / mebibyte).toFixed(0).padStart(6)} MiB`);
}

/** Runs a command in bash, whose `time` includes all processes of a pipeline. */
async function timed(command: string): Promise<Cost> {
  const { stderr } = await run('bash', ['-c', `TIMEFORMAT='%R %U %S'; time ${command} >/dev/null`]);
  const [seconds, user, system] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number) as [number, number, number];
  return { seconds, cpuSeconds: user + system };
}

/** Runs `work` while nginx serves a folder. */
async function serving<T>(root: string, rate: string, work: (origin: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'lamina-nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  await writeFile(
    join(folder, 'nginx.conf'),
    `${user} daemon off; master_process off; pid ${folder}/pid; events {} http { access_log off; sendfile on; ${temporary} server { listen 127.0.0.1:${port}; root ${root}; limit_rate ${rate}; } }`,
  );
  const nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'errors')], {
    stdio: 'ignore',
  });
  const ended = once(nginx, 'exit');
  try {
    await Promise.race([once(nginx, 'spawn'), ended]);
    const origin = `http://127.0.0.1:${port}`;
    while (!(await isServing(origin))) if (nginx.exitCode !== null) throw new Error('nginx does not start');
    return await work(origin);
  } finally {
    nginx.kill('SIGTERM');
    await ended.catch(() => undefined); // It has not started.
    await rm(folder, { recursive: true, force: true });
  }
}

function isServing(origin: string): Promise<boolean> {
  return fetch(origin).then(
    (response) => response.text().then(() => true),
    () => false,
  );
}

async function writeRandom(path: string, size: number): Promise<void> {
  const chunk = Buffer.allocUnsafe(16 * mebibyte);
  const handle = await open(path, 'w');
  for (let at = 0; at < size; at += 16) await handle.write(randomFillSync(chunk));
  await handle.close();
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}
