// Views that are loaded when they are first shown.
import { useSignal } from '@preact/signals';
import type { ComponentType, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { Problem } from './components/basics.js';
import type { Session } from './server/session.js';

/** What every view gets. */
export interface ViewProps {
  readonly session: Session;
  /** The name or id of the thing that is shown; empty for none. */
  readonly item: string;
  readonly query: URLSearchParams;
}

/** A component that stands for a view until its code is there. */
export function lazyView(load: () => Promise<ComponentType<ViewProps>>): ComponentType<ViewProps> {
  return (props: ViewProps): JSX.Element | undefined => {
    const view = useSignal<{ readonly Component: ComponentType<ViewProps> } | undefined>(undefined);
    const problem = useSignal<string | undefined>(undefined);
    useEffect(() => {
      load().then(
        (Component) => (view.value = { Component }),
        () => (problem.value = 'This part of the page could not be loaded. Reload the page.'),
      );
    }, []);
    if (problem.value !== undefined) return <Problem text={problem.value} />;
    return view.value === undefined ? undefined : <view.value.Component {...props} />;
  };
}
