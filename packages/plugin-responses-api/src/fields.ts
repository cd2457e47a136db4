// JSON objects of clients, whose members can be anything.

/** A JSON object of which nothing is known yet. */
export type Fields = Readonly<Record<string, unknown>>;
