// The types of pidusage, which has none: what memory.ts uses.
declare module 'pidusage' {
  interface PidUsage {
    /** Processes that have ended are missing; rejects when all have. */
    (pids: number[], options: { usePs: boolean }): Promise<Record<number, { memory: number } | undefined>>;
    /** Ends its timer. */
    clear(): void;
  }
  const pidusage: PidUsage;
  export = pidusage;
}
