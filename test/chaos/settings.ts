// Environment variables shared by the run and the configuration module of its server.

/** The variable that marks every process of a run; its value is unique to the run. */
export const markVariable = 'LAMINA_CHAOS_RUN';

/** The private address that the server may download from: `127.0.0.1:<port>`. */
export const siteVariable = 'LAMINA_CHAOS_SITE';

/** The keys of the server. */
export const keys = { inference: 'chaos-inference-key', manage: 'chaos-manage-key' } as const;
