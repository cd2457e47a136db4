// What a download costs: Lamina, which hashes, beside curl and aria2c, which do not, on loopback and where each
// connection is limited; then its memory. PATH=$(bash scripts/get-programs.sh nginx curl aria2c):$PATH node
// bench/dist/downloads.js [repetitions]
import { execFile, spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Taken } from './downloads-pull.js';
import { freePort } from './free-port.js';

const run = promisify(execFile);
const puller = fileURLToPath(new URL('./downloads-pull.js', import.meta.url));
const repetitions = Number(process.argv[2] ?? 5);
const mebibyte = 1024 * 1024;
const connections = '4'; // As many as Lamina uses for a file.

/** A contender: fetches `url` into a folder that is empty. */
type Contender = (url: string, sha256: string, folder: string) => Promise<Pick<Taken, 'seconds' | 'cpuSeconds'>>;

const contenders: Readonly<Record<string, Contender>> = {
  Lamina: (url, sha256, folder) => pull(url, sha256, folder),
  curl: (url, _sha256, folder) => timed(`curl -sSf -o '${folder}/file' '${url}'`),
  'curl, then sha256sum': (url, _sha256, folder) =>
    timed(`{ curl -sSf -o '${folder}/file' '${url}' && sha256sum '${folder}/file' >/dev/null; }`),
  aria2c: (url, _sha256, folder) =>
    timed(`aria2c -q -x ${connections} -s ${connections} -k 1M --file-allocation=none -d '${folder}' -o file '${url}'`),
};

// In memory where that is possible: the transfer is compared, not the disk. (Lamina waits until the disk has all of it;
// the others do not.)
const fast = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'lamina-bench-'));
const large = await mkdtemp(join(tmpdir(), 'lamina-bench-'));
try {
  await compare('loopback, 1 GiB', 1024, '0');
  await compare('each connection limited to 20 MiB/s, 256 MiB', 256, '20m');
  console.log('\npeak memory of a process that downloads');
  for (const size of [16, 1024, 4096]) await memory(size);
} finally {
  for (const folder of [fast, large]) await rm(folder, { recursive: true, force: true });
}

async function compare(title: string, size: number, rate: string): Promise<void> {
  const files = join(fast, 'files');
  await mkdir(files, { recursive: true });
  await writeRandom(join(files, 'file.bin'), size);
  const sha256 = await sha256Of(join(files, 'file.bin'));
  const taken = new Map(Object.keys(contenders).map((name) => [name, [] as Pick<Taken, 'seconds' | 'cpuSeconds'>[]]));
  await serving(files, rate, async (origin) => {
    for (let turn = 0; turn < repetitions; turn += 1) {
      for (const [name, contender] of Object.entries(contenders)) {
        const folder = await mkdtemp(join(fast, 'pulled-'));
        taken.get(name)!.push(await contender(`${origin}/file.bin`, sha256, folder));
        await rm(folder, { recursive: true });
      }
    }
  });
  console.log(`\n${title}: medians of ${repetitions}`);
  const speed = (name: string) => size / median(taken.get(name)!.map(({ seconds }) => seconds));
  const cpu = (name: string) => (median(taken.get(name)!.map(({ cpuSeconds }) => cpuSeconds)) * 1024) / size;
  for (const name of taken.keys()) {
    const ratios =
      name === 'Lamina'
        ? ''
        : `   Lamina is ${(speed('Lamina') / speed(name)).toFixed(2)} times as fast, with ${(cpu('Lamina') / cpu(name)).toFixed(2)} times the CPU`;
    console.log(
      `  ${name.padEnd(22)}${speed(name).toFixed(0).padStart(6)} MiB/s ${cpu(name).toFixed(2).padStart(6)} CPU s per GiB${ratios}`,
    );
  }
  await rm(files, { recursive: true });
}

/** The file is a hole, which takes no room where it is served from. */
async function memory(size: number): Promise<void> {
  const files = join(large, 'files');
  await mkdir(files, { recursive: true });
  await writeFile(join(files, 'file.bin'), '');
  await truncate(join(files, 'file.bin'), size * mebibyte);
  const { peakRssBytes } = await serving(files, '0', (origin) => pull(`${origin}/file.bin`, '', join(large, 'pulled')));
  await rm(join(large, 'pulled'), { recursive: true });
  console.log(`  ${`${size} MiB`.padEnd(22)}${(peakRssBytes / mebibyte).toFixed(0).padStart(6)} MiB`);
}

async function pull(url: string, sha256: string, folder: string): Promise<Taken> {
  const { stdout } = await run(process.execPath, [puller, folder, url, sha256]);
  return JSON.parse(stdout) as Taken;
}

/** By bash, which knows what its children used. */
async function timed(command: string): Promise<Pick<Taken, 'seconds' | 'cpuSeconds'>> {
  const { stderr } = await run('bash', ['-c', `TIMEFORMAT='%R %U %S'; time ${command}`]);
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
    while (
      (await fetch(origin).then(
        (answer) => answer.text(),
        () => undefined,
      )) === undefined
    )
      if (nginx.exitCode !== null) throw new Error('nginx does not start');
    return await work(origin);
  } finally {
    nginx.kill('SIGTERM');
    await ended.catch(() => undefined); // It did not even start.
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeRandom(path: string, size: number): Promise<void> {
  const piece = Buffer.allocUnsafe(16 * mebibyte);
  const handle = await open(path, 'w');
  for (let at = 0; at < size; at += 16) await handle.write(randomFillSync(piece));
  await handle.close();
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) hash.update(piece);
  return hash.digest('hex');
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
