// The view `events`.
import type { JSX } from 'preact';
import { ViewHeader } from '../../components/basics.js';
import type { ViewProps } from '../../lazy-view.js';

export function EventsView(_props: ViewProps): JSX.Element {
  return <ViewHeader title="EventsView" />;
}
