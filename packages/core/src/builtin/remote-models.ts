// Reads the list of models of a remote server, as OpenAI's API, llama-server and Ollama write it.
import { isMapping, parseJson } from '../kernel/json.js';

/** Longer lists are not read. Enough for 10,000 models. */
const maxBytes = 2 * 1024 * 1024;

const maxIdLength = 200;

/** The ids in a response to `GET /models`; `undefined` when it is no list of models, or too long. */
export async function readModelIds(response: Response): Promise<ReadonlySet<string> | undefined> {
  const body = await readText(response);
  const list = body === undefined ? undefined : itemsOf(parseJson(body));
  if (list === undefined) return undefined;
  return new Set(list.map(idOf).filter((id) => id !== undefined));
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
