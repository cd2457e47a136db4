// What the names in a directory say of the GGUF models in it.
import { shardName } from './shards.js';

/** True for the name of a multimodal projector. */
export function isProjector(name: string): boolean {
  return /\.gguf$/i.test(name) && /mmproj/i.test(name);
}

/** The GGUF models in a directory: a file each; of one in shards, the first shard that is there. Projectors are no models. */
export function modelsIn(names: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return names.filter((name) => {
    if (!/\.gguf$/i.test(name) || isProjector(name)) return false;
    const shard = shardName(name);
    const model = shard === undefined ? name : `${shard.prefix.toLowerCase()} of ${shard.count}`;
    if (seen.has(model)) return false;
    seen.add(model);
    return true;
  });
}

/** The projector that belongs to a model: any in a directory that holds no other model; F16 before other precisions. */
export function projectorIn(names: readonly string[], model: string): string | undefined {
  const projectors = names.filter((name) => isProjector(name) && name !== model);
  if (projectors.length === 0 || modelsIn(names).length !== 1) return undefined;
  return projectors.find((name) => /(^|[^b])f16/i.test(name)) ?? projectors[0];
}
