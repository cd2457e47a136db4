// Light or dark: as the system says, unless the user chose one.
import { computed, effect, signal } from '@preact/signals';

const name = 'lamina.theme';

const themes = ['system', 'light', 'dark'] as const;

type Theme = (typeof themes)[number];

const systemDark = matchMedia('(prefers-color-scheme: dark)');
const isSystemDark = signal(systemDark.matches);

/** The choice of the user. */
const theme = signal<Theme>(themes.find((one) => one === localStorage.getItem(name)) ?? 'system');

/** Whether the page is dark now. */
export const isDark = computed(() => (theme.value === 'system' ? isSystemDark.value : theme.value === 'dark'));

/** Shows the other theme than now. Where that is the one of the system, the page follows the system again. */
export function switchTheme(): void {
  const next = isDark.value ? 'light' : 'dark';
  theme.value = (next === 'dark') === isSystemDark.value ? 'system' : next;
}

/** Follows the system, applies the choice, and keeps it in this browser. */
export function followTheme(): void {
  systemDark.addEventListener('change', ({ matches }) => (isSystemDark.value = matches));
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value;
    if (theme.value === 'system') localStorage.removeItem(name);
    else localStorage.setItem(name, theme.value);
  });
}
