// The API key: kept for the session of the tab, or in this browser if the user wants that. It is never part of a URL.
const name = 'lamina.key';

/** The key that was entered before. */
export function storedKey(): string | undefined {
  return sessionStorage.getItem(name) ?? localStorage.getItem(name) ?? undefined;
}

/** Keeps a key. @param remember Also after the tab is closed. */
export function storeKey(key: string, remember: boolean): void {
  forgetKey();
  (remember ? localStorage : sessionStorage).setItem(name, key);
}

/** Deletes the key from this browser. */
export function forgetKey(): void {
  sessionStorage.removeItem(name);
  localStorage.removeItem(name);
}
