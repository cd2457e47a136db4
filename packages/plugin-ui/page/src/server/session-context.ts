// The session, for components that are used everywhere.
import { createContext } from 'preact';
import type { Session } from './session.js';

/** The session of the page; `undefined` where there is none yet, such as in the form for the key. */
export const SessionContext = createContext<Session | undefined>(undefined);
