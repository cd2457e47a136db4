// Paths of a model's routes, and what one pastes into other programs to use it.

/** The path of a model's routes, relative to the server. The slashes of a name stay, because proxies decode `%2F`. */
export function modelPath(name: string): string {
  return `models/${name.split('/').map(encodeURIComponent).join('/')}`;
}

/** The base URL of OpenAI's API, for clients. @param base The URL of the server's routes; it ends with a slash. */
export function apiUrl(base: URL): string {
  return new URL('v1', base).href;
}

/** A command for a POSIX shell that asks a model something. It names the variable of the key, never the key. */
export function curlLine(
  base: URL,
  model: string,
  { capabilities = [], hasKey }: { readonly capabilities?: readonly string[] | undefined; readonly hasKey: boolean },
): string {
  const { route, body } = exampleOf(capabilities);
  return [
    `curl ${apiUrl(base)}/${route}`,
    ...(hasKey ? [`-H "Authorization: Bearer $LAMINA_API_KEY"`] : []),
    `-H 'Content-Type: application/json'`,
    `-d ${quoted(JSON.stringify({ model, ...body }))}`,
  ].join(' ');
}

function exampleOf(capabilities: readonly string[]): { readonly route: string; readonly body: object } {
  if (!capabilities.includes('chat')) {
    if (capabilities.includes('embeddings')) return { route: 'embeddings', body: { input: 'Hello' } };
    if (capabilities.includes('rerank')) return { route: 'rerank', body: { query: 'Hello', documents: ['Hello'] } };
  }
  return { route: 'chat/completions', body: { messages: [{ role: 'user', content: 'Hello' }] } };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
