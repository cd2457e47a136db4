// Reads the list of models of a remote server, as OpenAI's API, llama-server and Ollama write it.
import type { ModelCapability, ModelMetadata } from '../contract/models.js';
import { isMapping, parseJson } from '../kernel/json.js';

/** What a list says about a model. */
export type ListedModel = Pick<ModelMetadata, 'contextLength' | 'quantization' | 'parameters' | 'capabilities'>;

/** Longer lists are not read. Enough for 10,000 models. */
const maxBytes = 2 * 1024 * 1024;

const maxIdLength = 200;

/** The models in a response to `GET /models`, by id; `undefined` when it is no list of models, or too long. */
export async function readModels(response: Response): Promise<ReadonlyMap<string, ListedModel> | undefined> {
  const body = await readText(response);
  const list = body === undefined ? undefined : itemsOf(parseJson(body));
  if (list === undefined) return undefined;
  const models = new Map<string, ListedModel>();
  for (const item of list) {
    const id = idOf(item);
    if (id !== undefined) models.set(id, isMapping(item) ? factsOf(item) : {});
  }
  return models;
}

async function readText({ body }: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).length;
    if (bytes > maxBytes) return undefined; // Leaving the loop cancels the body.
  }
  return Buffer.concat(chunks).toString();
}

function itemsOf(value: unknown): readonly unknown[] | undefined {
  const lists = isMapping(value) ? [value['data'], value['models']] : [value];
  return lists.find((list): list is unknown[] => Array.isArray(list));
}

/** A usable id: it becomes a name that people and clients see. */
function idOf(item: unknown): string | undefined {
  const id = isMapping(item) ? (item['id'] ?? item['model'] ?? item['name']) : item;
  return typeof id === 'string' && id.length <= maxIdLength && /^[^\p{Cc}\p{Cf}]+$/u.test(id) ? id : undefined;
}

/** Words of other servers for what Lamina calls otherwise: Ollama's, LM Studio's, llama-server's. */
const otherWords: ReadonlyMap<unknown, ModelCapability> = new Map<string, ModelCapability>([
  ['completion', 'chat'],
  ['thinking', 'reasoning'],
  ['embedding', 'embeddings'],
  ['tool_use', 'tools'],
  ['image', 'vision'],
  ...(['chat', 'tools', 'reasoning', 'vision', 'audio', 'embeddings', 'rerank'] as const).map(
    (word) => [word, word] as const,
  ),
]);

/** The names of vLLM, llama-server, OpenRouter and Lamina itself. */
function factsOf(item: Readonly<Record<string, unknown>>): ListedModel {
  const meta = isMapping(item['meta']) ? item['meta'] : {};
  const architecture = isMapping(item['architecture']) ? item['architecture'] : {};
  const contextLength = [item['context_length'], item['max_model_len'], meta['n_ctx'], item['context_window']].find(
    isCount,
  );
  const quantization = [item['quantization'], meta['ftype']].find(isShortText);
  const parameters = meta['n_params'];
  const words = [item['capabilities'], architecture['input_modalities']].flatMap((list) =>
    Array.isArray(list) ? (list as unknown[]).slice(0, 20) : [],
  );
  const capabilities = [...new Set(words.flatMap((word) => otherWords.get(word) ?? []))];
  return {
    ...(contextLength === undefined ? {} : { contextLength }),
    ...(quantization === undefined ? {} : { quantization }),
    ...(isCount(parameters) ? { parameters } : {}),
    ...(capabilities.length === 0 ? {} : { capabilities }),
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && /^[\w ./-]{1,40}$/.test(value);
}
