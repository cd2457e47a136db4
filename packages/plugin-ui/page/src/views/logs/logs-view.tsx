// The view `logs`.
import type { JSX } from 'preact';
import { ViewHeader } from '../../components/basics.js';
import type { ViewProps } from '../../lazy-view.js';

export function LogsView(_props: ViewProps): JSX.Element {
  return <ViewHeader title="LogsView" />;
}
