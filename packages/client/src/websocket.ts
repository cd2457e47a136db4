// Opens WebSockets with the means of the platform: ws in Node, the global one elsewhere.

const subprotocol = 'lamina.v1';

/** The server accepts one in this form, because web pages cannot set headers on a WebSocket. */
const keyPrefix = 'lamina.key.';

const isNode = (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined;

/**
 * Begins to open a WebSocket. In Node the key is sent in the header Authorization, elsewhere as a subprotocol: in no case
 * in the URL, which ends up in logs.
 */
export async function openWebSocket(url: string, key: string | undefined): Promise<WebSocket> {
  if (isNode) {
    // Also in versions of Node with a global WebSocket, which hides why a server refuses a connection.
    const { WebSocket: NodeWebSocket } = await import('ws');
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const socket = new NodeWebSocket(url, subprotocol, { headers, perMessageDeflate: false });
    return socket as unknown as WebSocket;
  }
  return new WebSocket(url, key === undefined ? [subprotocol] : [subprotocol, keyPrefix + base64url(key)]);
}

function base64url(text: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
