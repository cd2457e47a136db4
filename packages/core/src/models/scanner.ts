// Scans the disk: the entries of the manifest and the discovered models, each with its files.
import { basename } from 'node:path';
import type { Config } from '../contract/config.js';
import type { Context } from '../contract/context.js';
import type { Events } from '../contract/events.js';
import type { Discovery } from '../contract/hooks.js';
import type { Manifest, ModelEntry } from '../contract/manifest.js';
import type { Model, ModelRecord } from '../contract/models.js';
import { freeze } from '../kernel/freeze.js';
import type { Hooks } from '../kernel/hooks.js';
import { makeModel } from './catalog.js';
import { offerCandidates } from './discovery.js';
import type { Disk } from './files/disk.js';
import { findEntryFiles } from './files/find.js';
import { Folders } from './files/folders.js';
import type { HeaderCache } from './headers/header-cache.js';
import { nameProblem } from './manifest/rules.js';

/** Reads the models from the disk. */
export class Scanner {
  /** The directories that the last scan read. */
  directories: readonly string[] = [];
  /** GGUF files that are offered once their headers are cached. */
  unread: readonly string[] = [];
  /** File → why the last scan does not offer it as a model. */
  broken: ReadonlyMap<string, string> = new Map();
  private offered: readonly Model[] = [];
  /** Files and names for which the log already says why they are not offered. */
  private explained: ReadonlySet<string> = new Set();

  constructor(
    private readonly modelsDir: string,
    private readonly disk: Disk,
    private readonly env: Config['env'],
    private readonly headers: HeaderCache,
    private readonly hooks: Hooks,
    private readonly events: Events,
    private readonly context: Context,
  ) {}

  /** The models of a manifest with the disk as it is now. */
  async scan(manifest: Manifest): Promise<readonly ModelRecord[]> {
    const folders = new Folders(this.modelsDir, this.disk, this.env);
    const named = await Promise.all(
      Object.entries(manifest.models).map(async ([name, entry]) => {
        const found = await findEntryFiles(name, entry, folders);
        const model = makeModel(name, entry, found, 'manifest', typeOf(entry, manifest));
        return recordOf(
          model,
          entry,
          found.problems.map(({ message }) => message),
        );
      }),
    );
    const taken = new Set(named.flatMap(({ model }) => model.files.map(({ path }) => path)));
    const names = new Set(named.flatMap(({ model }) => [model.name, ...model.aliases]));
    this.offered = await this.discover(manifest, folders, taken);
    const unnamed = this.offered
      .filter(({ name, files }) => !names.has(name) && !files.some(({ path }) => taken.has(path)))
      .map(discoveredRecord);
    const records = await Promise.all([...named, ...unnamed].map((record) => this.describe(record)));
    this.directories = folders.listed;
    return requireTargets(requireBases(records));
  }

  /** What is found on disk, and what taps offer. When one of them fails, the last offers stay too. */
  private async discover(manifest: Manifest, folders: Folders, taken: ReadonlySet<string>): Promise<readonly Model[]> {
    const offered = new Map<string, Model>();
    const misnamed = new Map<string, string>();
    const discovery: Discovery = {
      manifest,
      add: (model) => {
        const problem = nameProblem(model.name);
        const known = offered.get(model.name);
        if (problem !== undefined) misnamed.set(model.name.slice(0, 200), problem);
        // A server elsewhere must not get the requests for a model of this machine by using its name.
        else if (known === undefined || (known.files.length === 0 && model.files.length > 0))
          offered.set(model.name, model);
      },
    };
    let failed = false;
    const stop = this.events.on('plugin.failed', ({ hook }) => (failed ||= hook === 'discoverModels'));
    const [{ unread, broken }] = await Promise.all([
      offerCandidates(folders, this.headers, taken, discovery),
      this.hooks.run.discoverModels.promise(discovery, this.context),
    ]).finally(stop);
    this.unread = unread;
    this.broken = broken;
    this.explain(broken, misnamed);
    if (failed) for (const model of this.offered) if (!offered.has(model.name)) offered.set(model.name, model);
    return [...offered.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The log says once why a file or a name is not offered: a file that is being written changes all the time. */
  private explain(broken: ReadonlyMap<string, string>, misnamed: ReadonlyMap<string, string>): void {
    for (const [file, reason] of broken)
      if (!this.explained.has(file)) this.context.log.warn({ file, reason }, 'A file is not offered as a model');
    for (const [model, problem] of misnamed)
      if (!this.explained.has(model))
        this.context.log.warn({ model }, `A discovered model is skipped: its name ${problem}`);
    const unread = this.unread.filter((path) => this.explained.has(path));
    this.explained = new Set([...broken.keys(), ...misnamed.keys(), ...unread]);
  }

  private async describe(record: ModelRecord): Promise<ModelRecord> {
    if (!this.hooks.run.describeModel.isUsed()) return record;
    const model = await this.hooks.run.describeModel.promise(record.model, this.context);
    return model === record.model ? record : described(record, model);
  }
}

/** A record with what a tap changed. The files that the tap names count: a model without files is served elsewhere. */
function described(raw: ModelRecord, model: Model): ModelRecord {
  if (model.of !== undefined) {
    const { base: _base, unavailable: _unavailable, ...rest } = model;
    return recordOf({ ...rest, name: raw.model.name, files: [] }, raw.entry, []);
  }
  const files =
    model.files === raw.model.files ? raw.missing.filter((each) => each !== raw.model.unavailable) : emptyFiles(model);
  return recordOf({ ...model, name: raw.model.name }, raw.entry, files);
}

function emptyFiles({ files }: Model): readonly string[] {
  return files.filter(({ bytes }) => bytes === 0).map(({ path }) => `${basename(path)} is empty`);
}

function typeOf({ backend }: ModelEntry, { backends }: Manifest): string | undefined {
  const configured = backend !== undefined && Object.hasOwn(backends, backend) ? backends[backend] : undefined;
  return configured?.type ?? backend;
}

/** `problems`: what is wrong with the files. */
function recordOf(model: Model, entry: ModelEntry, problems: readonly string[]): ModelRecord {
  const missing = [...problems, ...(model.unavailable === undefined ? [] : [model.unavailable])];
  return freeze({ model, entry, available: missing.length === 0, missing });
}

function discoveredRecord(model: Model): ModelRecord {
  const [first] = model.files;
  const quantization = model.metadata?.quantization;
  const entry: ModelEntry = {
    ...(first === undefined ? { format: model.format } : { path: first.path }),
    ...(model.backend === undefined ? {} : { backend: model.backend }),
    ...(quantization === undefined ? {} : { quantization }),
  };
  return recordOf(model, entry, emptyFiles(model));
}

/** Adapters whose base is not available are not available either. */
function requireBases(records: readonly ModelRecord[]): readonly ModelRecord[] {
  const byName = recordsByName(records);
  return records.map((record) => {
    const { base } = record.model;
    const baseRecord = base === undefined ? record : byName.get(base);
    if (base === undefined || (baseRecord?.available === true && baseRecord.model.of === undefined)) return record;
    return unusable(record, `its base model "${base}" ${targetProblem(baseRecord) ?? 'is not on disk'}`);
  });
}

/** Models that others answer for are available only when those are. */
function requireTargets(records: readonly ModelRecord[]): readonly ModelRecord[] {
  const byName = recordsByName(records);
  return records.map((record) => {
    const { of } = record.model;
    const target = of === undefined ? record : byName.get(of);
    if (of === undefined) return record;
    if (target?.available === true && target.model.of === undefined)
      return freeze({ ...record, model: { ...record.model, format: target.model.format } });
    if (target === record) return unusable(record, 'it names itself as the model that answers for it');
    return unusable(record, `its model "${of}" ${targetProblem(target) ?? 'is not available'}`);
  });
}

/** Why no model can be served by this one, whatever its files. */
function targetProblem(target: ModelRecord | undefined): string | undefined {
  if (target === undefined) return 'is unknown';
  return target.model.of === undefined
    ? undefined
    : `has no server; name the model that it is of, "${target.model.of}"`;
}

function unusable(record: ModelRecord, problem: string): ModelRecord {
  return freeze({ ...record, available: false, missing: [...record.missing, problem] });
}

function recordsByName(records: readonly ModelRecord[]): ReadonlyMap<string, ModelRecord> {
  return new Map(
    records.flatMap((record) => [record.model.name, ...record.model.aliases].map((name) => [name, record] as const)),
  );
}
