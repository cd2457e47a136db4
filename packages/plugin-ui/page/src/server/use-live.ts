// A value of the server that only one component shows: it is read while the component is on the page.
import { useEffect, useRef } from 'preact/hooks';
import type { LiveQuery, LiveValue } from './live.js';
import type { Session } from './session.js';

/** The value of a query, which must not change while the component is shown. */
export function useLive<T>(session: Session, query: LiveQuery<T>): LiveValue<T> {
  const value = useRef<LiveValue<T>>(null);
  value.current ??= session.live(query);
  useEffect(() => () => value.current?.close(), []);
  return value.current;
}
