// The output items of recent responses. Clients that count on stored responses refer to them by id in the next request.
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isMapping } from '@lamina/core/plugin';
import type { Fields } from './fields.js';

const maxItems = 10_000;
/** Of their JSON, in characters. */
const maxLength = 16 * 1024 * 1024;

interface KeptItem {
  readonly item: Fields;
  readonly length: number;
}

/** Keeps items in memory until there are too many; those that were not used for longest go first. */
export class RecentItems {
  readonly #kept = new Map<string, KeptItem>();
  #length = 0;

  /** `owner` is who may refer to the items. */
  add(owner: string, items: readonly object[]): void {
    for (const item of items.filter(isMapping)) {
      const { length } = JSON.stringify(item);
      this.#kept.set(keyOf(owner, item['id'] as string), { item, length });
      this.#length += length;
    }
    for (const [key, { length }] of this.#kept) {
      if (this.#kept.size <= maxItems && this.#length <= maxLength) break;
      this.#kept.delete(key);
      this.#length -= length;
    }
  }

  get(owner: string, id: string): Fields | undefined {
    const key = keyOf(owner, id);
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept.item;
  }
}

/** Identifies the key that a client sent, without revealing it. */
export function ownerOf({ authorization, 'x-api-key': key }: IncomingHttpHeaders): string {
  return createHash('sha256')
    .update(JSON.stringify([authorization, key]))
    .digest('base64');
}

function keyOf(owner: string, id: string): string {
  return `${owner} ${id}`;
}
