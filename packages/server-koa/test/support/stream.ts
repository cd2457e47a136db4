// Reads a response to its end, complete or not.

/** The rest of an answer; `broken` when the connection was lost before its proper end. */
export async function readToEnd(
  source: Response | ReadableStreamDefaultReader<Uint8Array>,
): Promise<{ text: string; broken: boolean }> {
  const reader = source instanceof Response ? source.body!.getReader() : source;
  let text = '';
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read())
      text += Buffer.from(piece.value).toString();
    return { text, broken: false };
  } catch {
    return { text, broken: true };
  }
}
