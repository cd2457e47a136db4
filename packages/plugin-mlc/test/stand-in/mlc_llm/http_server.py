"""The HTTP server, which behaves like uvicorn and FastAPI: its output, when it binds, how it ends."""
import errno
import http.server
import json
import os
import select
import signal
import sys
import threading
import uuid

from . import log
from .engine import BadRequestError
from .protocol import Unprocessable, check, prompt_of, read_body
from .shapes import Chat, Completion

ROUTES = {"/v1/chat/completions": Chat, "/v1/completions": Completion}


class Left(Exception):
    """The client has closed its connection."""


def run(options, engine):
    log.server("INFO", f"Started server process [{os.getpid()}]")
    log.server("INFO", "Waiting for application startup.")
    log.server("INFO", "Application startup complete.")
    try:
        server = Server((options.host, options.port), Handler)
    except OSError as error:
        address = (options.host, options.port)
        log.server("ERROR", f"[Errno {error.errno}] error while attempting to bind on address {address}: {os.strerror(errno.EADDRINUSE).lower()}")
        sys.exit(1)
    server.engine, server.options = engine, options
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    log.server("INFO", f"Uvicorn running on http://{options.host}:{server.server_port} (Press CTRL+C to quit)")
    ended.wait()
    end(server)


def end(server):
    """Accepts no new connections, waits without a limit for those in progress, then exits with the signal."""
    log.server("INFO", "Shutting down")
    server.shutdown()
    server.server_close()
    with server.idle:
        if server.open:
            log.server("INFO", "Waiting for connections to close. (CTRL+C to force quit)")
        server.idle.wait_for(lambda: server.open == 0)
    log.server("INFO", f"Finished server process [{os.getpid()}]")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, *args):
        self.open = 0
        self.idle = threading.Condition()
        super().__init__(*args)

    def handle_error(self, *_):
        """Ignores disconnected clients."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.counted(self.get)

    def do_POST(self):
        self.counted(self.post)

    def counted(self, answer):
        with self.server.idle:
            self.server.open += 1
        try:
            answer()
        except Left:
            self.close_connection = True
        finally:
            with self.server.idle:
                self.server.open -= 1
                self.server.idle.notify_all()

    def get(self):
        path = self.path.split("?")[0]
        if path == "/metrics":
            return self.plain("\n".join(f"{name}\t{value}" for name, value in self.server.engine.totals.items()))
        if not self.authorized():
            return None
        if path != "/v1/models":
            return self.json(404, {"detail": "Not Found"})
        model = {"id": self.server.options.model, "created": 1, "object": "model", "owned_by": "MLC-LLM"}
        return self.json(200, {"object": "list", "data": [model]})

    def post(self):
        text = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.authorized():
            return
        path = self.path.split("?")[0]
        try:
            if path == "/v1/embeddings" and self.server.options.embedding_model is not None:
                return self.json(200, embeddings(read_body(text)))
            if path not in ROUTES:
                return self.json(404, {"detail": "Not Found"})
            body = read_body(text)
            check(body, path)
            self.infer(ROUTES[path], body)
        except Unprocessable as refusal:
            self.json(422, {"detail": refusal.detail})
        except BadRequestError as error:
            # The error response of MLC-LLM is JSON in a JSON string.
            self.json(400, json.dumps({"object": "error", "message": str(error), "code": 400}))

    def authorized(self):
        key = self.server.options.api_key
        if key is None or self.headers.get("authorization") == f"Bearer {key}":
            return True
        self.json(401, {"detail": "Invalid API Key"})
        return False

    def infer(self, shape, body):
        # The id of a request is its `user`: two requests of one user are mixed up.
        request_id = body.get("user") or f"{shape.prefix}-{uuid.uuid4().hex}"
        prompt = prompt_of(body)
        answer = shape(request_id, body, len(prompt.split()))
        pieces = self.server.engine.generate(request_id, prompt, body.get("max_tokens"))
        if body.get("stream"):
            return self.stream(answer, pieces, prompt)
        for text, finish in pieces:
            self.still_there()
            answer.add(text, finish)
        return self.json(200, answer.whole())

    def stream(self, answer, pieces, prompt):
        """Waits for the first chunk before the status is sent. A failure after that only closes the connection."""
        first = next(pieces)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.event(answer.chunk(*first))
        for count, piece in enumerate(pieces, 2):
            self.event(answer.chunk(*piece))
            if "/fail-late" in prompt and count == 3:
                raise Left
        usage = answer.usage_chunk()
        if usage is not None:
            self.event(usage)
        self.write("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def event(self, data):
        self.write(f"data: {json.dumps(data)}\n\n")

    def write(self, text):
        data = text.encode()
        try:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        except OSError:
            raise Left from None

    def still_there(self):
        readable, _, _ = select.select([self.connection], [], [], 0)
        if readable and self.connection.recv(1, 2) == b"":  # MSG_PEEK: nothing to read means that it was closed.
            raise Left

    def json(self, status, value):
        self.respond(status, "application/json", json.dumps(value))

    def plain(self, text):
        self.respond(200, "text/plain; charset=utf-8", text)

    def respond(self, status, kind, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_request(self, code="-", size="-"):
        print(f'INFO:     {self.client_address[0]}:{self.client_address[1]} - "{self.command} {self.path} HTTP/1.1" {int(code)}', flush=True)


def embeddings(body):
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [{"object": "embedding", "index": index, "embedding": [len(text) / 100, 0.5, -0.5]} for index, text in enumerate(texts)]
    return {"object": "list", "data": data, "model": body.get("model"), "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)}}
