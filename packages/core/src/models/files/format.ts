// What the name of a file says of its format.

/** The format a file name tells, if it tells one; a hidden file tells none. */
export function formatOfName(path: string): string | undefined {
  return /[^/\\]\.(gguf|safetensors)$/i.exec(path)?.[1]!.toLowerCase();
}
