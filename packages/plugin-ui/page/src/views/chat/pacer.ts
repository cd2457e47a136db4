// Decides when what has arrived is shown: at most once a frame, and less often when showing it takes long, so that the page
// stays usable.

/** How much longer than the last update the pause before the next one is. */
const restFactor = 2;

/** Calls functions when there is time to show what they change. */
export interface Pacer {
  /** Calls it once, later. Returns what prevents that. */
  schedule(update: () => void): () => void;
}

/** The pacer of a window. */
export function windowPacer(): Pacer {
  let freeAt = 0;
  return {
    schedule(update) {
      let frame = 0;
      const timer = setTimeout(
        () => {
          frame = requestAnimationFrame(() => {
            const start = performance.now();
            update();
            // After the browser has laid out and painted the frame.
            setTimeout(() => (freeAt = performance.now() + restFactor * (performance.now() - start)));
          });
        },
        Math.max(0, freeAt - performance.now()),
      );
      return () => {
        clearTimeout(timer);
        cancelAnimationFrame(frame);
      };
    },
  };
}
