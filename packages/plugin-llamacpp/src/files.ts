// Finds the files of a model by their role.
import type { FileRole, Model } from '@lamina/core/plugin';

/** The path of a model's file in a role; for sharded weights the first, which llama-server expects. */
export function fileOf(model: Model, role: FileRole): string | undefined {
  return model.files.find((file) => file.role === role)?.path;
}

/** The paths of each model's file in a role, in order. */
export function filesOf(models: readonly Model[], role: FileRole): readonly string[] {
  return models.flatMap((model) => fileOf(model, role) ?? []);
}
