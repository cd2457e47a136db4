// A plugin that decides which models are stopped when another one needs their memory: those to keep loaded come last.
import { definePlugin } from '@lamina/core/plugin';

export const keepLoaded = definePlugin({
  name: 'keep-loaded',
  options: {
    type: 'object',
    properties: { models: { type: 'array', items: { type: 'string' } } },
    required: ['models'],
    additionalProperties: false,
  },
  setup({ hooks }, { models }) {
    hooks.selectVictims.tap(({ missing, running }) => {
      const left: Record<string, number> = { ...missing };
      const isKept = (model: string) => Number(models.includes(model));
      const order = running
        .filter(({ evictable }) => evictable)
        .sort((a, b) => isKept(a.model) - isKept(b.model) || b.idleMs - a.idleMs);
      const victims: string[] = [];
      for (const { model, resources } of order) {
        const freed = Object.keys(left).filter((name) => left[name]! > 0 && (resources[name] ?? 0) > 0);
        if (freed.length > 0) victims.push(model);
        for (const name of freed) left[name]! -= resources[name]!;
      }
      return victims;
    });
  },
});
