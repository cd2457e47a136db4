"""Validates requests, with the errors of FastAPI."""
import json

from .engine import BadRequestError


class Unprocessable(Exception):
    """Failed validation: a 422 response with a list."""

    def __init__(self, kind, loc, msg):
        super().__init__(msg)
        self.detail = [{"type": kind, "loc": ["body", *loc], "msg": msg, "input": None}]


def read_body(text):
    try:
        body = json.loads(text)
    except ValueError as error:
        raise Unprocessable("json_invalid", [getattr(error, "pos", 0)], "JSON decode error") from None
    if not isinstance(body, dict):
        raise Unprocessable("model_attributes_type", [], "Input should be a valid dictionary or object to extract fields from")
    return body


def check(body, route):
    field, kind = ("messages", list) if route == "/v1/chat/completions" else ("prompt", str)
    if field not in body:
        raise Unprocessable("missing", [field], "Field required")
    if not isinstance(body[field], kind):
        raise Unprocessable(f"{kind.__name__}_type", [field], f"Input should be a valid {'list' if kind is list else 'string'}")
    for name, wanted, words in (("max_tokens", int, "integer"), ("n", int, "integer"), ("stream", bool, "boolean"), ("user", str, "string")):
        if name in body and not (body[name] is None and name in ("max_tokens", "user")) and not isinstance(body[name], wanted):
            raise Unprocessable(f"{words}_parsing", [name], f"Input should be a valid {words}, unable to parse string as an {words}")
    for message in body.get("messages", []):
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            raise Unprocessable("literal_error", ["messages", 0, "role"], "Input should be 'system', 'user', 'assistant' or 'tool'")
    check_format(body.get("response_format"))
    options = body.get("stream_options")
    if options is not None and "include_usage" not in options:
        raise Unprocessable("missing", ["stream_options", "include_usage"], "Field required")
    if options is not None and not body.get("stream"):
        raise Unprocessable("value_error", [], "Value error, stream must be set to True when stream_options is present")


def check_format(wanted):
    if wanted is not None and wanted.get("type") not in ("text", "json_object"):
        raise Unprocessable("literal_error", ["response_format", "type"], "Input should be 'text' or 'json_object'")
    if wanted is not None and not isinstance(wanted.get("schema", ""), str):
        raise Unprocessable("string_type", ["response_format", "schema"], "Input should be a valid string")


def check_messages(messages):
    for index, message in enumerate(messages):
        if message["role"] == "system" and index != 0:
            raise BadRequestError(f"System prompt at position {index} in the message list is invalid.")
        if message.get("tool_calls") is not None:
            raise BadRequestError("Assistant message having `tool_calls` is not supported yet.")


def prompt_of(body):
    if "prompt" in body:
        return body["prompt"]
    check_messages(body["messages"])
    return " ".join(message["content"] for message in body["messages"] if isinstance(message.get("content"), str))
