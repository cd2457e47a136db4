// Icons as inline SVG. The shapes are from Lucide (https://lucide.dev), ISC License, Copyright (c) Lucide Contributors.
import type { JSX } from 'preact';

/** Name → the paths of the icon, in a square of 24. */
const shapes = {
  models: 'M12 3 3 7.5l9 4.5 9-4.5L12 3ZM3 12l9 4.5 9-4.5M3 16.5 12 21l9-4.5',
  chat: 'M21 11.5a8.4 8.4 0 0 1-8.5 8.5 9 9 0 0 1-3.9-.9L3 21l1.9-5.1A8.4 8.4 0 1 1 21 11.5Z',
  requests: 'M3 12h4l3 8 4-16 3 8h4',
  dashboard: 'M4 20V10M10 20V4M16 20v-7M22 20H2',
  downloads: 'M12 3v12m0 0 5-5m-5 5-5-5M4 20h16',
  logs: 'M4 6h16M4 12h10M4 18h13',
  events: 'M13 2 4 14h7l-1 8 9-12h-7l1-8Z',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2m0 16v2M4.9 4.9l1.4 1.4m11.4 11.4 1.4 1.4M2 12h2m16 0h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z',
  key: 'M15 9h.01M21 8.5a5.5 5.5 0 0 1-7.6 5.1L11 16H9v2H7v2H3v-3.6l7.4-7.4A5.5 5.5 0 1 1 21 8.5Z',
  play: 'M7 4v16l13-8L7 4Z',
  stop: 'M6 6h12v12H6z',
  pause: 'M7 5v14M17 5v14',
  trash: 'M4 7h16M10 11v6m4-6v6M6 7l1 13h10l1-13M9 7V4h6v3',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'm5 13 4 4L19 7',
  close: 'M6 6l12 12M18 6 6 18',
  plus: 'M12 5v14M5 12h14',
  retry: 'M3 12a9 9 0 0 1 15.4-6.4L21 8m0-5v5h-5M21 12a9 9 0 0 1-15.4 6.4L3 16m0 5v-5h5',
  edit: 'M4 20h4L20 8l-4-4L4 16v4Z',
  send: 'M12 20V4m0 0-7 7m7-7 7 7',
  image: 'M4 4h16v16H4zM4 16l5-5 6 6m-1-3 2-2 4 4M9 8.5h.01',
  attach: 'm20.5 11.5-8.6 8.6a5 5 0 0 1-7.1-7.1l8.9-8.9a3.4 3.4 0 0 1 4.8 4.8l-8.9 8.9a1.7 1.7 0 0 1-2.4-2.4l8.1-8.1',
  history: 'M3 12a9 9 0 1 0 3-6.7L3 8m0-5v5h5m4-1v5l3 2',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  down: 'm6 9 6 6 6-6',
  right: 'm9 6 6 6-6 6',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm5 12 4 4',
  settings: 'M4 7h10m4 0h2M4 17h4m4 0h8M16 5v4M10 15v4',
  warning: 'M12 9v4m0 4h.01M12 3 2 20h20L12 3Z',
} as const;

/** The name of an icon. */
export type IconName = keyof typeof shapes;

/** An icon. It is decoration: what it stands next to, or the label of its button, says the same in words. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={shapes[name]} />
    </svg>
  );
}
