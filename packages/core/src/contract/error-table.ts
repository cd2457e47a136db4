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
    when: 'The request is not what the route takes: no body, not JSON, a field missing or of the wrong kind.',
  },
  UNAUTHORIZED: {
    status: 401,
    retryable: false,
    message: 'This server wants a key: send it as "Authorization: Bearer <key>".',
    when: 'No key, or one the server does not know.',
  },
  FORBIDDEN: {
    status: 403,
    retryable: false,
    message: '{message}',
    when: 'The key lacks the scope, or the Host or Origin header is not one the server answers to, or a plugin refused the request.',
  },
  MODEL_NOT_FOUND: {
    status: 404,
    retryable: false,
    message: 'There is no model "{model}". {hint}',
    when: 'No model, alias or adapter has that name; the hint names those that exist, nearest first.',
  },
  DOWNLOAD_NOT_FOUND: {
    status: 404,
    retryable: false,
    message: 'There is no download "{download}".',
    when: 'No job has that id.',
  },
  NO_SUGGESTION: {
    status: 404,
    retryable: false,
    message: 'No model fits what was asked for: {reason}.',
    when: '`suggest` found nothing.',
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    retryable: false,
    message: 'There is nothing at {method} {path}. {hint}',
    when: 'The path is not one of the server.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    retryable: false,
    message: '{path} does not take {method}; it takes {allowed}.',
    when: 'The path exists, the method does not.',
  },
  CONFLICT: {
    status: 409,
    retryable: false,
    message: '{message}',
    when: 'The call contradicts what is already so, such as a data directory another Lamina owns.',
  },
  MODEL_NOT_RUNNING: {
    status: 409,
    retryable: false,
    message:
      'The model "{model}" is not running, and this request does not start models. Start it with POST /models/{model}/start.',
    when: 'A GET, or a route that only the engine knows, was asked for a model that does not run.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    retryable: false,
    message: 'The body is larger than the {limit_bytes} bytes this server takes.',
    when: 'The request body passes the limit.',
  },
  QUEUE_FULL: {
    status: 429,
    retryable: true,
    message: 'The server already has {waiting} requests waiting, its limit; try again in a moment.',
    when: 'The bounded queue is full.',
  },
  ABORTED: {
    status: 499,
    retryable: true,
    message: 'The caller gave up before the answer was there.',
    when: 'The caller left, or its signal was aborted.',
  },
  INTERNAL: {
    status: 500,
    retryable: false,
    message: 'Something went wrong inside Lamina; its log says what.',
    when: 'A fault of Lamina itself. The cause is in the log, never in the answer.',
  },
  NOT_SUPPORTED: {
    status: 501,
    retryable: false,
    message: '{message}',
    when: 'The model or its engine does not have that feature.',
  },
  CONFIG_INVALID: {
    status: 500,
    retryable: false,
    message: '{message}',
    when: 'The manifest, the configuration or an option is wrong; the details say file, line and column where there is a file.',
  },
  MODEL_FILES_MISSING: {
    status: 503,
    retryable: false,
    message: 'The files of model "{model}" are not here: {missing}. {hint}',
    when: 'A model of the manifest has no files on this machine; the hint says how to get them.',
  },
  BACKEND_UNAVAILABLE: {
    status: 503,
    retryable: false,
    message: 'Model "{model}" cannot run here: {reason}. {hint}',
    when: 'No backend takes the model, or the one that does is not installed; the hint says how to install it.',
  },
  MODEL_START_FAILED: {
    status: 502,
    retryable: true,
    message: 'Model "{model}" did not start: {reason}',
    when: 'The engine ended, or never became ready; the details carry its last lines.',
  },
  START_BACKING_OFF: {
    status: 503,
    retryable: true,
    message:
      'Model "{model}" failed {failures} times in a row and is left alone for {retry_after} s more. The last failure: {reason}',
    when: 'A start was asked for while the back-off after failures runs. An explicit start resets it.',
  },
  QUEUE_TIMEOUT: {
    status: 503,
    retryable: true,
    message: 'Model "{model}" could not be given room within {waited} s: {reason}.',
    when: 'The request waited in the queue up to its deadline.',
  },
  MODEL_STOPPED: {
    status: 503,
    retryable: true,
    message: 'Model "{model}" was stopped ({reason}) before the answer was complete.',
    when: 'The model was stopped while the request waited or ran.',
  },
  SERVER_OVERLOADED: {
    status: 503,
    retryable: true,
    message:
      'The server holds {held_bytes} bytes of request bodies, and its limit is {limit_bytes}. Retry in a moment.',
    when: 'The bodies of all requests under way reach the limit, and none was released within 5 s.',
  },
  SHUTTING_DOWN: { status: 503, retryable: true, message: 'The server is shutting down.', when: 'Lamina is closing.' },
  OUT_OF_MEMORY: {
    status: 503,
    retryable: false,
    message: 'Model "{model}" needs about {needed} of memory and this machine has {total}. {hint}',
    when: 'The estimate cannot fit this machine.',
  },
  REQUEST_LOOP: {
    status: 508,
    retryable: false,
    message:
      'The request for model "{model}" goes in a circle: {reason}. Correct the base_url of the remote backend that serves the model.',
    when: 'Lamina servers name each other as remote backends for one model, or a request has passed four Lamina servers.',
  },
  DISK_FULL: {
    status: 507,
    retryable: false,
    message: 'There is not enough free space in {path}: {reason}. Free some space and try again.',
    when: 'A download does not fit, or the disk filled up: the smaller of 1 GiB and 5 % of it is never used.',
  },
  SOURCE_DENIED: {
    status: 403,
    retryable: false,
    message: '{message}',
    when: 'A source refuses: a gated model, a token missing or wrong.',
  },
  SOURCE_UNREACHABLE: {
    status: 502,
    retryable: true,
    message: '{message}',
    when: 'A source does not answer, or answers with an error.',
  },
  DIGEST_MISMATCH: {
    status: 502,
    retryable: true,
    message: 'The file {file} is not the one promised: its SHA-256 is {actual}, wanted {wanted}.',
    when: 'A finished download has other bytes than the source announced.',
  },
  MODEL_SERVER_EXITED: {
    status: 502,
    retryable: true,
    message: 'The engine of model "{model}" ended during the request: {reason}',
    when: 'The engine crashed or was killed.',
  },
  MODEL_SERVER_UNREACHABLE: {
    status: 502,
    retryable: true,
    message: 'The engine of model "{model}" runs, but did not answer: {reason}',
    when: 'A running engine, or a remote one, refuses connections or drops them.',
  },
  SERVER_UNREACHABLE: {
    status: 502,
    retryable: true,
    message: 'No Lamina answers at {url}: {reason}.',
    when: 'A client, such as the command lamina, asked a server that is not there.',
  },
  TIMEOUT: { status: 504, retryable: true, message: '{message}', when: 'A step took longer than its limit.' },
  PLUGIN_INVALID: {
    status: 500,
    retryable: false,
    message: 'Plugin "{plugin}" cannot be used: {reason}.',
    when: 'A plugin is not what definePlugin makes, or its options are wrong; found before anything of it runs.',
  },
  PLUGIN_FAILED: {
    status: 500,
    retryable: false,
    message: 'Plugin "{plugin}" failed in {hook}: {reason}.',
    when: 'A plugin threw, took too long or returned null.',
  },
} as const satisfies Record<string, ErrorRow>;

/** A code of {@link errorTable}. */
export type ErrorCode = keyof typeof errorTable;

type Placeholder<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never;

/**
 * What an error of a code must be given: a value for each placeholder of its message; more is allowed. JSON,
 * snake_case: it goes on the wire.
 */
export type ErrorDetails<Code extends ErrorCode> = {
  readonly [Name in Placeholder<(typeof errorTable)[Code]['message']>]: string | number | readonly string[];
} & { readonly [name: string]: unknown };
