// Clients that work at the same time.

/** Runs `run` so many times, at most `clients` at once. */
export async function inParallel(clients: number, count: number, run: () => Promise<void>): Promise<void> {
  let left = count;
  const client = async () => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: clients }, client));
}
