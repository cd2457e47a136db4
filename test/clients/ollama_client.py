"""The ollama package for Python, unmodified: runs the feature that the third argument names."""

import json
import sys
import time

import ollama


def lists(client):
    assert sorted(model.model for model in client.list().models) == ["chat:latest", "embed:latest"]
    assert {"completion", "tools", "thinking"} <= set(client.show("chat").capabilities)


def chat(client):
    answer = client.chat("chat", messages)
    assert answer.message.content.strip() == says
    assert answer.done and answer.eval_count > 0 and answer.total_duration > 0


def chat_streamed(client):
    parts = list(client.chat("chat:latest", messages, stream=True, options={"temperature": 0}, keep_alive=300.0))
    assert "".join(part.message.content for part in parts).strip() == says
    assert parts[-1].done_reason == "stop"


def tools(client):
    def get_weather(metric: bool) -> str:
        """The weather here.

        Args:
            metric: Whether in degrees Celsius
        """
        return "rain"

    asked = {"role": "user", "content": "/tool"}
    message = client.chat("chat", [asked], tools=[get_weather], options={"num_predict": 100}).message
    call = message.tool_calls[0]
    assert get_weather(**call.function.arguments) == "rain"
    result = {"role": "tool", "tool_name": call.function.name, "content": "rain"}
    assert client.chat("chat", [asked, message, result], tools=[get_weather]).message.content.strip() == says


def think(client):
    parts = list(client.chat("chat", [{"role": "user", "content": "/think"}], think=True, stream=True))
    assert any(part.message.thinking for part in parts)


def structured(client):
    place = {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"]}
    answer = client.chat("chat", messages, format=place, options={"temperature": 0})
    assert json.loads(answer.message.content)["city"] in ["Paris", "Rome"]


def generate(client):
    assert client.generate("chat", "Hello?").response.strip() == says
    parts = client.generate("chat", "Once", raw=True, stream=True, options={"num_predict": 20})
    assert "".join(part.response for part in parts).strip() == says


def load(client):
    def is_loaded():
        return any(model.name == "chat:latest" for model in client.ps().models)

    assert client.generate("chat", keep_alive="5m").done_reason == "load"
    assert is_loaded()
    assert client.generate("chat", keep_alive=0.0).done_reason == "unload"
    while is_loaded():
        time.sleep(0.05)


def embed(client):
    assert [len(vector) for vector in client.embed("embed", ["a text", "another"]).embeddings] == [64, 64]
    assert len(client.embeddings("embed", "a text").embedding) == 64


def copy(client):
    client.copy("chat", "copy")
    client.show("copy")
    client.delete("copy")


def pull(client):
    assert [part.status for part in client.pull("chat", stream=True)] == ["success"]


def errors(client):
    for run, status in [
        (lambda: client.chat("none", messages), 404),
        (lambda: list(client.chat("none", messages, stream=True)), 404),
        (lambda: client.chat("chat", messages, options={"top_k": "many"}), 400),
    ]:
        try:
            run()
        except ollama.ResponseError as error:
            assert error.status_code == status and error.error, error
            continue
        raise AssertionError(f"no error {status}")


says = "Hello from the model tiny."
messages = [{"role": "user", "content": "Hello?"}]
features = [lists, chat, chat_streamed, tools, think, structured, generate, load, embed, copy, pull, errors]

if __name__ == "__main__":
    url, key, name = sys.argv[1:]
    client = ollama.Client(host=url, headers={"Authorization": f"Bearer {key}"})
    next(feature for feature in features if feature.__name__ == name)(client)
