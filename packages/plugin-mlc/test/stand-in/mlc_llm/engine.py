"""Generates the sentence in the weights of the model, word by word; after `/count`, numbers without end.

With `/fail-late` in the prompt the server closes the connection after three words, as MLC-LLM does when its engine fails during a stream.
"""
import itertools
import queue
import threading
import time

SECONDS_A_TOKEN = 0.004


class BadRequestError(ValueError):
    """An invalid request."""


class Engine:
    def __init__(self, sentence, limits):
        self.sentence = sentence
        self.longest = limits["longest"]
        self.places = threading.BoundedSemaphore(limits["batch"])
        self.streams = {}
        self.lock = threading.Lock()
        self.totals = {"prompt_tokens_sum": 0, "completion_tokens_sum": 0}
        self.running = 0

    def generate(self, request_id, prompt, most):
        """Yields (text, finish reason). Text for an id goes to the last request with it: two concurrent requests of one id are mixed up."""
        tokens = prompt.split()
        if len(tokens) > self.longest:
            raise BadRequestError(f"Request prompt has {len(tokens)} tokens in total, larger than the model input length limit {self.longest}.")
        self.totals["prompt_tokens_sum"] += len(tokens)
        mine = queue.Queue()
        left = threading.Event()
        with self.lock:
            self.streams[request_id] = mine
            self.running += 1
        threading.Thread(target=self._compute, args=(request_id, prompt, most, left), daemon=True).start()
        try:
            while True:
                text, finish = mine.get()
                yield text, finish
                if finish is not None:
                    return
        finally:
            left.set()
            with self.lock:
                self.running -= 1

    def _compute(self, request_id, prompt, most, left):
        words = (f" {number}" for number in itertools.count(1)) if "/count" in prompt else iter(words_of(self.sentence))
        with self.places:
            for number, (word, following) in enumerate(pairs(words), 1):
                if left.is_set():
                    return
                time.sleep(SECONDS_A_TOKEN)
                self.totals["completion_tokens_sum"] += 1
                finish = "stop" if following is None else "length" if number == most else None
                with self.lock:
                    listener = self.streams.get(request_id)
                listener.put((word, finish))
                if finish is not None:
                    return


def words_of(sentence):
    return [word if index == 0 else f" {word}" for index, word in enumerate(sentence.split())]


def pairs(words):
    """Each word with the next one; `None` after the last."""
    previous = next(words)
    for word in words:
        yield previous, word
        previous = word
    yield previous, None
