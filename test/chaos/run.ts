// One run from its first server to its last check.
import { setMaxListeners } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { seeded } from '../support/seeded.js';
import { chatClient, steadyClient } from './chats.js';
import { lostMs, parseAnswer, type Chaos } from './context.js';
import { Disturbances } from './disturbances.js';
import { DownloadSite } from './download-site.js';
import { DownloadClients } from './downloads.js';
import { disturbEngines, freezeEngine } from './engine-faults.js';
import { HttpClient } from './http.js';
import { disturbMemory, machineFile, writeMachine } from './machine-memory.js';
import {
  checkDescriptors,
  checkEnginesGone,
  checkFiles,
  checkNoProcesses,
  checkPorts,
  checkTemporary,
} from './leftovers.js';
import { ManifestEditor } from './manifest-edits.js';
import { writeModels } from './models.js';
import { openaiClient } from './openai-client.js';
import { openDescriptors, residentMiB } from './processes.js';
import { eventReader, readingClient } from './reads.js';
import { ChaosServer } from './server.js';
import { keys, machineVariable, markVariable, siteVariable } from './settings.js';
import { socketClient } from './sockets.js';
import { Tally } from './tally.js';
import { Waits } from './waits.js';

/** The options of a run. */
export interface RunOptions {
  readonly seconds: number;
  readonly seed: number;
  /** An empty folder for all files of the run. */
  readonly folder: string;
}

/** The number of clients of each kind. */
const clients = { chats: 5, steady: 3, sockets: 2, openai: 1, readers: 1, downloads: 2 };

/** Runs once and returns all counters. No process of it is alive when this resolves. */
export async function run({ seconds, seed, folder }: RunOptions): Promise<Tally> {
  const site = await DownloadSite.open();
  const over = new AbortController();
  setMaxListeners(0, over.signal); // Every client listens to it.
  const tally = new Tally();
  const mark = `${process.pid}-${seed}`;
  const modelsDir = join(folder, 'models');
  const keyFile = join(folder, 'keys');
  const temporary = join(folder, 'tmp');
  mkdirSync(modelsDir);
  mkdirSync(temporary);
  writeMachine(folder);
  writeFileSync(keyFile, `${keys.inference} inference\n${keys.manage} manage\n`);
  await writeModels(modelsDir);
  const env = {
    ...process.env,
    TMPDIR: temporary,
    [markVariable]: mark,
    [siteVariable]: site.host,
    [machineVariable]: machineFile(folder),
  };
  const disturbances = new Disturbances();
  const crashed = { again: Promise.resolve() };
  const server = new ChaosServer(
    { modelsDir, keyFile, logDir: folder, env },
    tally,
    () => (crashed.again = crashed.again.then(() => restartAfterCrash(chaos))),
  );
  const chaos: Chaos = {
    random: seeded(seed),
    tally,
    disturbances,
    waits: new Waits(disturbances),
    origins: new Set(),
    server,
    http: new HttpClient(),
    modelsDir,
    scratch: folder,
    mark,
    over: over.signal,
    frozen: new Map(),
    waiting: new Map(),
  };
  const killNow = () => server.killNow();
  process.once('exit', killNow);
  try {
    await disturbAndCheck(chaos, site, seconds, over);
  } finally {
    over.abort();
    server.killNow();
    chaos.http.close();
    await checkNoProcesses(tally, mark, server);
    await checkPorts(tally, chaos.origins);
    checkTemporary(tally, temporary);
    await site.close();
    process.off('exit', killNow);
  }
  return tally;
}

async function disturbAndCheck(
  chaos: Chaos,
  site: DownloadSite,
  seconds: number,
  over: AbortController,
): Promise<void> {
  const { server, tally, modelsDir } = chaos;
  const editor = new ManifestEditor(chaos);
  editor.writeFirst();
  await server.start();
  await warmUp(chaos);
  const downloads = new DownloadClients(chaos, site);
  const many = (count: number, client: (chaos: Chaos) => Promise<void>) =>
    Array.from({ length: count }, () => client(chaos));
  const working = [
    ...many(clients.chats, chatClient),
    ...many(clients.steady, steadyClient),
    ...many(clients.sockets, socketClient),
    ...many(clients.openai, openaiClient),
    ...many(clients.readers, readingClient),
    ...Array.from({ length: clients.downloads }, () => downloads.run()),
    eventReader(chaos),
    disturbEngines(chaos),
    disturbMemory(chaos),
    editor.run(),
    watchChildren(chaos),
  ];
  const pending: Promise<void>[] = [];
  server.admitClients();
  const all = Promise.all(working);
  const baseline = await Promise.race([schedule(chaos, editor, seconds, pending), all.then(() => undefined)]);
  over.abort();
  await Promise.all([all, ...pending]);
  await settle(chaos, downloads, baseline!);
  const code = await server.end('SIGTERM');
  tally.check('other exit codes after SIGTERM than 0', code === '0' ? 0 : 1, `exit code ${code}`);
  await checkEnginesGone(tally, server.pid);
  downloads.checkKept();
  checkFiles(tally, modelsDir);
  chaos.waits.check(tally);
}

/** Runs the scheduled events. Returns the open descriptors of the last server before its load. */
async function schedule(
  chaos: Chaos,
  editor: ManifestEditor,
  seconds: number,
  pending: Promise<void>[],
): Promise<Baseline> {
  const began = chaos.tally.seconds;
  const until = (part: number) => delay(Math.max(0, (began + seconds * part - chaos.tally.seconds) * 1000));
  await until(0.08);
  await freezeEngine(chaos, pending);
  await until(0.2);
  await Promise.all(pending);
  await restart(chaos, 'SIGKILL', pending);
  await until(0.3);
  editor.writeCycleNext();
  await until(0.42);
  await Promise.all(pending); // A restart would end the frozen engine, and the server itself has to.
  await restart(chaos, 'SIGTERM', pending);
  await until(0.55);
  await freezeEngine(chaos, pending);
  await until(0.65);
  const baseline = await restart(chaos, 'SIGKILL', pending);
  await until(0.75);
  await freezeEngine(chaos, pending);
  await until(1);
  return baseline;
}

/** Resources of a server before its load. */
interface Baseline {
  readonly descriptors: Map<string, number>;
  readonly residentMiB: number;
}

async function restart(chaos: Chaos, signal: 'SIGTERM' | 'SIGKILL', pending: Promise<void>[]): Promise<Baseline> {
  const { server, tally, disturbances } = chaos;
  const end = disturbances.begin('restart');
  if (signal === 'SIGKILL') disturbances.note('server killed');
  const { pid } = server;
  tally.countDisturbance(`${signal} to the server`);
  const code = await server.end(signal);
  if (signal === 'SIGTERM')
    tally.check('other exit codes after SIGTERM than 0', code === '0' ? 0 : 1, `exit code ${code}`);
  pending.push(checkEnginesGone(tally, pid));
  await server.start();
  const baseline = await warmUp(chaos);
  server.admitClients();
  end();
  return baseline;
}

async function restartAfterCrash(chaos: Chaos): Promise<void> {
  const end = chaos.disturbances.begin('restart');
  await chaos.server.start();
  chaos.server.admitClients();
  end();
}

/** Starts and stops one model, to initialise everything that is created once; then counts the open descriptors. */
async function warmUp(chaos: Chaos): Promise<Baseline> {
  await post(chaos, '/models/ada/start');
  await post(chaos, '/models/ada/stop');
  chaos.http.close();
  await delay(500);
  const { pid } = chaos.server;
  return { descriptors: openDescriptors(pid), residentMiB: residentMiB(pid) };
}

/** Waits until the last server is idle and compares it with its baseline. */
async function settle(chaos: Chaos, downloads: DownloadClients, before: Baseline): Promise<void> {
  const { tally, http, server } = chaos;
  await downloads.cancelAll();
  // A downloaded one may sleep, so that its engine stays.
  for (const name of await unstoppedModels(chaos))
    await post(chaos, `/models/${name}/stop`).catch((error: unknown) =>
      tally.check('a model cannot be stopped', 1, `${name}: ${String(error)}`),
    );
  http.close();
  await checkDescriptors(tally, server.pid, before.descriptors);
  tally.check(
    'memory of the last server',
    0,
    `${before.residentMiB} MiB before its load, ${residentMiB(server.pid)} MiB after`,
  );
}

async function unstoppedModels({ http, server }: Chaos): Promise<string[]> {
  const { status, text } = await http.fetchText(server.url, {
    method: 'GET',
    path: '/models',
    key: keys.manage,
    signal: AbortSignal.timeout(lostMs),
  });
  const listed = parseAnswer(status, text)['models'] as Record<string, { state: string }>;
  return Object.keys(listed).filter((name) => listed[name]!.state !== 'stopped');
}

async function post({ http, server }: Chaos, path: string): Promise<void> {
  const { status, text } = await http.fetchText(server.url, {
    path,
    key: keys.manage,
    signal: AbortSignal.timeout(lostMs),
  });
  parseAnswer(status, text);
}

/** The guard has no mark of the run, so it is recorded while it runs. */
async function watchChildren({ server, over }: Chaos): Promise<void> {
  while (!over.aborted) {
    server.recordChildren();
    await delay(1000, undefined, { signal: over }).catch(() => undefined);
  }
}
