// Every way Lamina can fail, as one table. Types, the wire and docs/errors.md are made from it.

interface ErrorRow {
  /** The HTTP status an answer with this error has. */
  readonly status: number;
  /**
   * True when the same call may succeed later without a change by the caller; the answer then may carry Retry-After.
   */
  readonly retryable: boolean;
  /** The sentence a person reads; `{name}` is filled in from the details. */
  readonly message: string;
  /** When it happens, for docs/errors.md. */
  readonly when: string;
  /** Further details that it may have, besides those in the message. */
  readonly details?: readonly string[];
}

/**
 * The table of error codes. A code, once published, keeps its meaning; a retired code is never used again.
 * `{message}` rows carry a sentence written where the error was found.
 */
export const errorTable = {
  REQUEST_INVALID: {
    status: 400,
    retryable: false,
    message: '{message}',
    when: 'The request body is missing or not JSON, or a field is missing or invalid.',
  },
  UNAUTHORIZED: {
    status: 401,
    retryable: false,
    message: '{message}',
    when: 'The request has no API key, or one that is not valid.',
  },
  FORBIDDEN: {
    status: 403,
    retryable: false,
    message: '{message}',
    when: 'The API key lacks the required scope, the Host or Origin header is not allowed, or a plugin refused the request.',
  },
  MODEL_NOT_FOUND: {
    status: 404,
    retryable: false,
    message: 'Model "{model}" was not found. {hint}',
    when: 'No model, alias or adapter has this name. The hint lists similar names.',
    details: ['available'],
  },
  DOWNLOAD_NOT_FOUND: {
    status: 404,
    retryable: false,
    message: 'Download "{download}" was not found.',
    when: 'No download has this id.',
  },
  SOURCE_MODEL_NOT_FOUND: {
    status: 404,
    retryable: false,
    message: 'The source {source} has no model "{reference}". {hint}',
    when: 'The source of a download does not have the model, revision or file. The hint says what it has, or what to check.',
  },
  CHAT_NOT_FOUND: {
    status: 404,
    retryable: false,
    message:
      'No such chat. It never existed, it was cancelled, it lost its connection or ended more than {seconds} s ago, or another key started it. Start it again.',
    when: 'A client resumes a chat that the server does not have, or that was started with another key.',
  },
  CHUNKS_LOST: {
    status: 410,
    retryable: false,
    message: 'The chunks after number {after} are no longer kept: the oldest is number {oldest}. Start the chat again.',
    when: 'A client resumes a chat after a chunk that is too old. The details have the `oldest` chunk that can still be sent.',
  },
  NO_SUGGESTION: {
    status: 404,
    retryable: false,
    message: 'No model matches the request: {reason}.',
    when: '`suggest` found no model.',
    details: ['alternatives'],
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    retryable: false,
    message: 'No route for {method} {path}. {hint}',
    when: 'The server has no route with this path.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    retryable: false,
    message: '{path} does not support {method}. Use {allowed}.',
    when: 'The path exists, but not with this method.',
  },
  CONFLICT: {
    status: 409,
    retryable: false,
    message: '{message}',
    when: 'The call contradicts the current state, for example a data directory that another Lamina process owns.',
  },
  MODEL_NOT_RUNNING: {
    status: 409,
    retryable: false,
    message:
      'Model "{model}" is not running, and this request does not start models. Start it with POST /models/{model}/start.',
    when: 'A GET request, or a route that only the engine knows, names a model that is not running.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    retryable: false,
    message: 'The request body exceeds the limit of {limit_bytes} bytes.',
    when: 'The request body is larger than the limit.',
  },
  ENCODING_NOT_SUPPORTED: {
    status: 415,
    retryable: false,
    message:
      'The content encoding "{encoding}" is not supported. Send the body uncompressed, or compressed as one of {accepted}.',
    when: 'The header Content-Encoding of a request names another compression.',
  },
  QUEUE_FULL: {
    status: 429,
    retryable: true,
    message: 'The queue{queue} is full: {waiting} requests are waiting. Retry in {retry_after} s.',
    when: 'The limit of waiting requests is reached, of all models (`limits.queueLimit`) or of one (`limits.queue_limit`).',
    details: ['retry_after'],
  },
  RATE_LIMITED: {
    status: 429,
    retryable: true,
    message: '{message}',
    when: 'A plugin limits how much a key may use, such as requests or tokens a minute. `retry_after` in the details is in seconds.',
  },
  ABORTED: {
    status: 499,
    retryable: true,
    message: 'The client cancelled the request.',
    when: 'The client disconnected, or its signal was aborted.',
  },
  INTERNAL: {
    status: 500,
    retryable: false,
    message: 'Internal error. See the log of the server.',
    when: 'A bug in Lamina. The cause is in the log, never in the response.',
  },
  NOT_SUPPORTED: {
    status: 501,
    retryable: false,
    message: '{message}',
    when: 'The model, its engine or a source does not support the feature.',
  },
  CONFIG_INVALID: {
    status: 500,
    retryable: false,
    message: '{message}',
    when: 'The manifest, the configuration or an option is invalid. The details have file, line and column where there is a file.',
  },
  MODEL_FILES_MISSING: {
    status: 503,
    retryable: false,
    message: 'Files of model "{model}" are missing: {missing}. {hint}',
    when: 'Files of a model in the manifest are not on disk. The hint says how to get them.',
  },
  BACKEND_UNAVAILABLE: {
    status: 503,
    retryable: false,
    message: 'No backend can run model "{model}": {reason}. {hint}',
    when: 'No backend supports the model, or the one that does is not installed. The hint says how to install it.',
  },
  BACKEND_UNREACHABLE: {
    status: 503,
    retryable: true,
    message: 'Model "{model}" is not available now: {reason}. Retry in {retry_after} s.',
    when: 'The remote server that has the model does not respond, and no other backend can run it.',
  },
  BACKEND_INSTALL_FAILED: {
    status: 502,
    retryable: false,
    message: 'The engine of the backend "{backend}" could not be installed: {reason}. {hint}',
    when: 'The engine could not be downloaded or written. The hint says what to do.',
  },
  MODEL_START_FAILED: {
    status: 502,
    retryable: true,
    message: 'Model "{model}" failed to start: {reason}',
    when: 'The engine exited, or did not become ready. The details have its last lines of output.',
    details: ['last_lines', 'exit_code', 'signal', 'limit'],
  },
  START_BACKING_OFF: {
    status: 503,
    retryable: true,
    message:
      'Model "{model}" failed {failures} times in a row. Retrying in {retry_after} s. The last failure: {reason}',
    when: 'The model failed to start and its back-off has not ended. An explicit start resets it.',
  },
  QUEUE_TIMEOUT: {
    status: 503,
    retryable: true,
    message: 'Timed out after {waited} s waiting for memory for "{model}": {reason}.',
    when: 'The request waited in the queue until its deadline.',
  },
  MODEL_STOPPED: {
    status: 503,
    retryable: true,
    message:
      'Model "{model}" was stopped before the response completed ({reason}). Send the request again to start it.',
    when: 'The model was stopped while the request waited or ran.',
  },
  SERVER_OVERLOADED: {
    status: 503,
    retryable: true,
    message: 'The request bodies in flight take {held_bytes} bytes; the limit is {limit_bytes}. Retry in a moment.',
    when: 'The bodies of all requests in flight reach the limit, and none was released within 5 s.',
    details: ['retry_after'],
  },
  SHUTTING_DOWN: {
    status: 503,
    retryable: true,
    message: 'The server is shutting down.',
    when: 'The server is closing.',
  },
  OUT_OF_MEMORY: {
    status: 503,
    retryable: false,
    message: 'Model "{model}" needs {needed}; models may use {available}. {hint}',
    when: 'The model cannot get the memory it needs: more than models may use, than pinned models leave, or than other programs leave. The details have the amounts by resource.',
    details: ['needs', 'budget', 'held'],
  },
  REQUEST_LOOP: {
    status: 508,
    retryable: false,
    message:
      'Request loop for model "{model}": {reason}. Correct the base_url of the remote backend that serves the model.',
    when: 'Lamina servers are remote backends of each other for one model, or a request has passed through four Lamina servers.',
  },
  DISK_FULL: {
    status: 507,
    retryable: false,
    message: 'Not enough free space in {path}: {reason}. Free some space and try again.',
    when: 'A download does not fit, or the disk is full. The smaller of 1 GiB and 5 % of the disk is kept free.',
    details: ['needed_bytes'],
  },
  SOURCE_DENIED: {
    status: 403,
    retryable: false,
    message: '{message}',
    when: 'A source refuses access: a gated model, or a missing or wrong token.',
  },
  SOURCE_UNREACHABLE: {
    status: 502,
    retryable: true,
    message: '{message}',
    when: 'A source does not respond, or responds with an error.',
  },
  DIGEST_MISMATCH: {
    status: 502,
    retryable: true,
    message: 'Checksum mismatch for {file}: expected SHA-256 {wanted}, got {actual}.',
    when: 'A downloaded file differs from what the source announced.',
  },
  MODEL_SERVER_EXITED: {
    status: 502,
    retryable: true,
    message: 'The engine of model "{model}" exited during the request: {reason}',
    when: 'The engine crashed or was killed.',
    details: ['last_lines'],
  },
  MODEL_SERVER_UNREACHABLE: {
    status: 502,
    retryable: true,
    message: 'The engine of model "{model}" did not respond: {reason}',
    when: 'A running or remote engine refuses or drops connections.',
    details: ['last_lines'],
  },
  ENGINE_REFUSED: {
    status: 502,
    retryable: false,
    message: '{message}',
    when: 'An engine refused a request of `lamina.chat` or `lamina.embed`, or reported an error in its answer. The status and the JSON form of this error are those of the engine, so clients never see this code.',
  },
  SERVER_UNREACHABLE: {
    status: 502,
    retryable: true,
    message: 'No Lamina server responds at {url}: {reason}.',
    when: 'A client, such as the command lamina, cannot reach the server.',
  },
  TIMEOUT: { status: 504, retryable: true, message: '{message}', when: 'A step exceeded its time limit.' },
  PLUGIN_INVALID: {
    status: 500,
    retryable: false,
    message: 'Plugin "{plugin}" is invalid: {reason}.',
    when: 'A plugin has the wrong shape, its options are invalid, or it registers something invalid or something that another one has.',
  },
  PLUGIN_FAILED: {
    status: 500,
    retryable: false,
    message: 'Plugin "{plugin}" failed in {hook}: {reason}.',
    when: 'A plugin threw an error, exceeded its time limit or returned null.',
  },
} as const satisfies Record<string, ErrorRow>;

/** A code of {@link errorTable}. */
export type ErrorCode = keyof typeof errorTable;

type Placeholder<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never;

type Further<Row> = Row extends { readonly details: readonly (infer Name extends string)[] } ? Name : never;

/**
 * What an error of a code must be given: a value for each placeholder of its message. A code whose message is written
 * where it happens takes any further detail; the others only those of their row. JSON, snake_case: it goes on the wire.
 */
export type ErrorDetails<Code extends ErrorCode> = DetailsOf<(typeof errorTable)[Code]>;

type DetailsOf<Row extends ErrorRow> = Row['message'] extends '{message}'
  ? { readonly message: string; readonly [name: string]: unknown }
  : [Placeholder<Row['message']> | Further<Row>] extends [never]
    ? { readonly [name: string]: never } // `{}` would accept every object.
    : { readonly [Name in Placeholder<Row['message']>]: string | number | readonly string[] } & {
        readonly [Name in Further<Row>]?: unknown;
      };
