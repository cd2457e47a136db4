// The part of the process layer that the runtime uses.

/** The memory of this machine, and of the processes on it. */
export interface SystemMemory {
  /**
   * In bytes. `totalBytes`: what the machine has, or the smallest limit of the containers (cgroups) Lamina runs in;
   * `availableBytes`: what programs can still get within that, page cache included.
   */
  read(): { readonly totalBytes: number; readonly availableBytes: number };
  /**
   * The memory of a process group by the pid of its leader, in bytes, without pages of files; `undefined` when the
   * system does not tell.
   */
  residentBytes(pid: number): Promise<number | undefined>;
  /**
   * How many processes the system has killed because memory ran out, on this machine or in the containers Lamina runs
   * in; 0 where the system does not count.
   */
  outOfMemoryKills(): number;
}

/** Makes sure that no engine outlives its Lamina, however that ends. */
export interface OrphanReaper {
  /**
   * Registers a process group by the pid of its leader: if Lamina dies, the group is killed. Call the returned function
   * once the group has ended; calling it twice does nothing.
   */
  guard(pid: number, about: { model: string }): () => void;
}
