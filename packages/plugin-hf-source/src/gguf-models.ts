// Groups the GGUF files of a repository into models: shards, quantizations, projectors. Naming and default choice
// follow llama.cpp's `-hf org/name[:quant]` and the documentation of the Hub.

/** Anything with a path below a common root. */
interface Named {
  readonly path: string;
}

/** A GGUF model: one file, or all its shards. */
export interface GgufModel<File extends Named = Named> {
  /** Its path without shard numbers and `.gguf`. */
  readonly stem: string;
  /** From its name: `Q4_K_M`, `UD-Q4_K_XL`. */
  readonly quant: string | undefined;
  /** In the order of the shards. */
  readonly files: readonly File[];
  /** The numbers of missing shards. */
  readonly missing: readonly number[];
}

const sideFile = /mmproj|imatrix|^(mtp|eagle3|dflash|dspark)-|(^|[._-])lora([._-]|$)/i;
const label = /(?:^|[-._])((?:UD-)?(?:I?Q\d_[A-Z0-9_]+|BF16|F16|F32|MXFP4(?:_MOE)?|TQ\d_\d))$/i;
const shard = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

/** All GGUF models among some files, in the order of their first file. */
export function ggufModels<File extends Named>(files: readonly File[]): readonly GgufModel<File>[] {
  const groups = new Map<string, { stem: string; count: number; byIndex: Map<number, File> }>();
  for (const file of files) {
    if (!isGguf(file.path) || sideFile.test(file.path.slice(file.path.lastIndexOf('/') + 1))) continue;
    const [, prefix, index = '1', count = '1'] = shard.exec(file.path) ?? [];
    const stem = prefix ?? file.path.slice(0, -'.gguf'.length);
    const key = `${stem.toLowerCase()} of ${prefix === undefined ? 'one' : count}`;
    const group = groups.get(key) ?? { stem, count: Number(count), byIndex: new Map<number, File>() };
    group.byIndex.set(Number(index), file);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ stem, count, byIndex }) => {
    const numbers = Array.from({ length: Math.max(count, 1) }, (_, at) => at + 1);
    return {
      stem,
      quant: quantOf(stem),
      files: numbers.flatMap((at) => byIndex.get(at) ?? []),
      missing: numbers.filter((at) => !byIndex.has(at)),
    };
  });
}

/**
 * The model with a quantization; without one, llama.cpp's choice: Q4_K_M, else Q8_0, else the first. An equal label
 * wins over one that only ends in the tag, so that `F16` does not select `BF16`.
 */
export function chooseGguf<Model extends GgufModel>(
  models: readonly Model[],
  tag: string | undefined,
): Model | undefined {
  for (const wanted of tag === undefined ? ['q4_k_m', 'q8_0'] : [tag.toLowerCase()]) {
    const chosen =
      models.find(({ quant }) => quant?.toLowerCase() === wanted) ??
      models.find(({ files }) =>
        files.some(({ path }) => [`${wanted}.`, `${wanted}-`].some((part) => path.toLowerCase().includes(part))),
      );
    if (chosen !== undefined) return chosen;
  }
  return tag === undefined ? models[0] : undefined;
}

/** The projector for a model: the nearest one in its directory or above; of several, the one of closest precision. */
export function projectorFor<File extends Named>(files: readonly File[], model: GgufModel): File | undefined {
  const directory = directoryOf(model.stem);
  const bits = bitsOf(model.quant) ?? 4;
  const fitting = files.filter(
    ({ path }) =>
      isProjector(path) && `${directory}/`.startsWith(directoryOf(path) === '' ? '' : `${directoryOf(path)}/`),
  );
  const distance = ({ path }: File) => Math.abs((bitsOf(quantOf(path.slice(0, -'.gguf'.length))) ?? 16) - bits);
  return fitting.sort(
    (a, b) =>
      directoryOf(b.path).length - directoryOf(a.path).length ||
      distance(a) - distance(b) ||
      (a.path < b.path ? -1 : 1),
  )[0];
}

/** The tag of a model's name: its quantization, or its file name when an earlier model has the same quantization. */
export function tagOf(model: GgufModel, all: readonly GgufModel[]): string {
  const { quant, stem } = model;
  return quant !== undefined && all.find((other) => other.quant?.toLowerCase() === quant.toLowerCase())?.stem === stem
    ? quant
    : stem;
}

export function isGguf(path: string): boolean {
  return /\.gguf$/i.test(path);
}

/** True for a multimodal projector. */
export function isProjector(path: string): boolean {
  return isGguf(path) && /mmproj/i.test(path.slice(path.lastIndexOf('/') + 1));
}

/** The label at the end of the file name, else of its directory, for repositories with one per quantization. */
export function quantOf(stem: string): string | undefined {
  const parts = stem.split('/');
  return label.exec(parts.at(-1)!)?.[1] ?? label.exec(parts.at(-2) ?? '')?.[1];
}

/** The approximate bits per weight. */
function bitsOf(quant: string | undefined): number | undefined {
  const bits = /(?:Q|BF|F|FP)(\d+)/i.exec(quant ?? '')?.[1];
  return bits === undefined ? undefined : Number(bits);
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
