// The part of the process layer that the runtime uses.

/** Makes sure that no engine outlives its Lamina, however that ends. */
export interface OrphanReaper {
  /**
   * Registers a process group by the pid of its leader: if Lamina dies, the group is killed. Call the returned function
   * once the group has ended; calling it twice does nothing.
   */
  guard(pid: number, about: { model: string }): () => void;
}
