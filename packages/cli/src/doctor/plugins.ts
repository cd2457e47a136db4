// Plugins that were found and are not loaded.
import type { Check, LaminaSubject } from './check.js';

/** The plugins. */
export const pluginsCheck: Check<LaminaSubject> = {
  id: 'plugins',
  title: 'Plugins',
  run({ opened: { plugins, configuration } }) {
    const loaded = plugins.filter(({ problem }) => problem === undefined);
    const problems = plugins.flatMap(({ package: name, problem }) =>
      problem === undefined
        ? []
        : [
            {
              status: 'warning' as const,
              detail: `${name} is not loaded: ${problem.replace(/\.$/, '')}`,
              fix: `${npm(configuration)} install ${name}@latest, or uninstall it`,
            },
          ],
    );
    return { summary: `${loaded.length} loaded`, problems };
  },
};

function npm({ project }: LaminaSubject['configuration']): string {
  return project.directory === undefined ? 'npm --global' : 'npm';
}
