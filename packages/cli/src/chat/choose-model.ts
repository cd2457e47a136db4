// Which model a chat is with.
import type { LaminaClient } from '@lamina/client';
import { LaminaError } from '@lamina/core/protocol';

/**
 * The only model on disk, or else the one that is meant for conversations.
 * @throws LaminaError `REQUEST_INVALID` with the names of the models, when neither says which one
 */
export async function defaultModel(client: LaminaClient, signal: AbortSignal): Promise<string> {
  const names = await availableModels(client, signal);
  if (names.length === 1) return names[0]!;
  if (names.length === 0)
    throw new LaminaError('REQUEST_INVALID', {
      message: 'There is no model on disk. Get one with "lamina pull"; "lamina list --available" lists some.',
    });
  const { matched, suggested, available } = await client.suggest({ use_case: 'conversational' }, { signal });
  if (matched && available) return suggested;
  throw new LaminaError('REQUEST_INVALID', {
    message: `Name a model: ${names.join(', ')}. Without a name, the default for "conversational" in the manifest is used.`,
  });
}

/** The models whose files are on disk. */
export async function availableModels(client: LaminaClient, signal: AbortSignal): Promise<readonly string[]> {
  const { models } = await client.models.list({}, { signal });
  return Object.entries(models).flatMap(([name, { available }]) => (available ? [name] : []));
}

/** @throws LaminaError `MODEL_FILES_MISSING`; LaminaClientError `MODEL_NOT_FOUND` */
export async function checkModel(client: LaminaClient, model: string, signal: AbortSignal): Promise<void> {
  const { available, missing = [], download } = await client.models.get(model, { signal });
  if (available) return;
  const hint =
    download === undefined
      ? 'Add the files, or correct the path in the manifest.'
      : `Download them with "lamina pull ${model}".`;
  throw new LaminaError('MODEL_FILES_MISSING', { model, missing, hint });
}
