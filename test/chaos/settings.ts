// What the run and the configuration module of its server agree on, told by environment variables.

/** The variable every process of a run carries; its value is the run's own. */
export const markVariable = 'LAMINA_CHAOS_RUN';

/** Where the server may download from although the address is private: `127.0.0.1:<port>`. */
export const siteVariable = 'LAMINA_CHAOS_SITE';

/** The keys of the server. */
export const keys = { inference: 'chaos-inference-key', manage: 'chaos-manage-key' } as const;
