// Engine processes that must not outlive Lamina.

/** Keeps the process groups of engines, so that none outlives this Lamina, however it ends. */
export interface OrphanReaper {
  /**
   * Takes a process group, by the pid of its leader, into keeping: should Lamina die in any way, the group is killed.
   * The answer takes it back, once the group is gone; calling it twice does nothing.
   */
  guard(pid: number, about: { model: string }): () => void;
}
