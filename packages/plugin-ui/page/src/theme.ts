// Light or dark: as the system says, unless the user chose one.
import { effect, signal } from '@preact/signals';

const name = 'lamina.theme';

/** The choices, in the order of the switch. */
const themes = ['system', 'light', 'dark'] as const;

type Theme = (typeof themes)[number];

/** The choice of the user. */
export const theme = signal<Theme>(themes.find((one) => one === localStorage.getItem(name)) ?? 'system');

/** The other one than is shown now. */
export function switchTheme(): void {
  theme.value = isDark() ? 'light' : 'dark';
}

/** Whether the page is dark now. */
export function isDark(): boolean {
  if (theme.value !== 'system') return theme.value === 'dark';
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

/** Applies the choice, and keeps it in this browser. */
export function followTheme(): void {
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value;
    if (theme.value === 'system') localStorage.removeItem(name);
    else localStorage.setItem(name, theme.value);
  });
}
