// What plugins contribute to extension points, and which of them were read.
import type { Contribution, ExtensionPoints } from '../contract/extensions.js';

/** The contributions of all plugins of one Lamina. */
export class Extensions {
  readonly #points = new Map<string, Contribution[]>();
  readonly #read = new Set<string>();

  add(point: string, plugin: string, value: unknown): void {
    const contributions = this.#points.get(point) ?? [];
    this.#points.set(point, contributions);
    contributions.push({ plugin, value });
  }

  /** See `Lamina.extensions`. */
  read<Point extends keyof ExtensionPoints>(point: Point): readonly Contribution<ExtensionPoints[Point]>[] {
    this.#read.add(point);
    return [...(this.#points.get(point) ?? [])] as Contribution<ExtensionPoints[Point]>[];
  }

  /** What a plugin contributed to, and whether it was read. */
  of(plugin: string): { readonly point: string; readonly read: boolean }[] {
    return [...this.#points]
      .filter(([, contributions]) => contributions.some((contribution) => contribution.plugin === plugin))
      .map(([point]) => ({ point, read: this.#read.has(point) }));
  }
}
