"""The format of responses: complete, and as the chunks of a stream."""


class Answer:
    prefix = ""

    def __init__(self, request_id, body, prompt_tokens):
        self.id, self.body, self.prompt_tokens = request_id, body, prompt_tokens
        self.text, self.finish, self.tokens = "", None, 0
        self.n = body.get("n", 1)

    def add(self, text, finish):
        self.text += text
        self.tokens += 1
        # With tools, the output of the model is parsed as tool calls, but in a stream it stays text.
        self.finish = "tool_calls" if finish is not None and self.body.get("tools") else finish

    def usage(self):
        used = self.tokens * self.n
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": used, "total_tokens": self.prompt_tokens + used, "extra": None}

    def common(self, kind, choices, usage):
        return {"id": self.id, "choices": choices, "created": 1, "model": self.body.get("model"), "object": kind, "usage": usage}

    def usage_chunk(self):
        options = self.body.get("stream_options")
        return self.frame([], self.usage()) if options is not None and options["include_usage"] else None

    def chunk(self, text, finish):
        self.add(text, finish)
        return self.frame([self.choice(index, text) for index in range(self.n)], None)


class Chat(Answer):
    prefix = "chatcmpl"

    def choice(self, index, text):
        """Each chunk has role and content."""
        return {"finish_reason": self.finish, "index": index, "delta": message(text), "logprobs": None}

    def frame(self, choices, usage):
        return {**self.common("chat.completion.chunk", choices, usage), "system_fingerprint": ""}

    def whole(self):
        choices = [{"finish_reason": self.finish, "index": index, "message": message(self.text), "logprobs": None} for index in range(self.n)]
        return {**self.common("chat.completion", choices, self.usage()), "system_fingerprint": ""}


class Completion(Answer):
    prefix = "cmpl"

    def choice(self, index, text):
        return {"finish_reason": self.finish, "index": index, "logprobs": None, "text": text}

    def frame(self, choices, usage):
        return self.common("text_completion", choices, usage)

    def whole(self):
        return self.common("text_completion", [self.choice(index, self.text) for index in range(self.n)], self.usage())


def message(text):
    return {"content": text, "role": "assistant", "name": None, "tool_calls": None, "tool_call_id": None}
