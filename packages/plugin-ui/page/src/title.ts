// The title of the page. It shows how far a download or a start is, also while the page is hidden.
import { formatRatio } from './format.js';
import type { Session } from './server/session.js';

/** The title for a view. */
export function pageTitle(session: Session, view: string): string {
  return `${progressOf(session) ?? ''}${view} – Lamina`;
}

/** `61 % · `; `undefined` when nothing progresses. */
function progressOf({ downloads, models, loading }: Session): string | undefined {
  const active = (downloads.value.value?.downloads ?? []).filter(({ state }) => state === 'active');
  const total = active.reduce((sum, one) => sum + (one.total ?? 0), 0);
  if (total > 0) return `${formatRatio(active.reduce((sum, { done }) => sum + done, 0) / total)} · `;
  const starting = Object.entries(models.value.value?.models ?? {}).find(([, { state }]) => state === 'starting');
  const ratio = starting === undefined ? undefined : loading.value.get(starting[0])?.ratio;
  return ratio === undefined ? undefined : `${formatRatio(ratio)} · `;
}
