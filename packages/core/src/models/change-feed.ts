// Publishes what a new catalog changed: as events, and to listeners in this process.
import type { ModelsChange } from '../contract/models.js';
import type { EventBus } from '../kernel/event-bus.js';
import { difference, type Catalog } from './catalog.js';

/** The listeners of `onChange`. */
export class ChangeFeed {
  private readonly listeners = new Set<(change: ModelsChange) => void>();

  constructor(private readonly events: EventBus) {}

  /** Adds a listener; the returned function removes it. */
  on(listener: (change: ModelsChange) => void): () => void {
    const own = (change: ModelsChange) => listener(change);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  /** Publishes the differences, if there are any. */
  publish(before: Catalog, after: Catalog): void {
    const change = difference(before, after);
    const { added, changed, removed } = change;
    const isEdited = before.manifest !== after.manifest;
    if (added.length + changed.length + removed.length === 0 && !isEdited) return;
    if (isEdited)
      this.events.emit('manifest.changed', { added: [...added], changed: [...changed], removed: [...removed] });
    for (const model of added) this.events.emit('model.discovered', { model });
    for (const model of changed) this.events.emit('model.updated', { model });
    for (const model of removed) this.events.emit('model.removed', { model });
    for (const listener of [...this.listeners]) listener(change);
  }

  /** Removes all listeners. */
  clear(): void {
    this.listeners.clear();
  }
}
