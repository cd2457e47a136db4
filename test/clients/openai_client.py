"""The openai package for Python, unmodified: runs the feature that the third argument names, or lists all of them."""

import json
import sys


def models(client):
    assert sorted(model.id for model in client.models.list()) == ["chat", "embed"]


def chat(client):
    answer = client.chat.completions.create(model="chat", messages=messages)
    assert answer.choices[0].message.content == says
    assert answer.usage.total_tokens > 0


def chat_streamed(client):
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="chat", messages=messages, stream=True, stream_options=options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == says
    assert chunks[-1].usage.total_tokens > 0


def tools(client):
    weather = {"type": "function", "function": {"name": "get_weather", "parameters": place}}
    asked = {"role": "user", "content": "/tool"}
    options = {"model": "chat", "tools": [weather], "parallel_tool_calls": False}
    message = client.chat.completions.create(messages=[asked], **options).choices[0].message
    call = message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
    history = [asked, message.model_dump(), result]
    assert client.chat.completions.create(messages=history, **options).choices[0].message.content == says


def completions(client):
    answer = client.completions.create(model="chat", prompt=["Once", "Twice"], max_tokens=20)
    assert [choice.text.strip() for choice in answer.choices] == [says, says]


def embeddings(client):
    assert len(client.embeddings.create(model="embed", input=["a text"]).data[0].embedding) == 64
    assert len(client.embeddings.create(model="embed", input=[[300, 301], [302]]).data) == 2


def responses(client):
    answer = client.responses.create(model="chat", input="Hello?")
    assert answer.output_text == says
    assert answer.usage.total_tokens > 0
    history = [*answer.output, {"role": "user", "content": "Again?"}]
    assert client.responses.create(model="chat", input=history).output_text == says
    assert client.responses.create(model="chat", input="Hello?", max_output_tokens=1).status == "incomplete"


def responses_streamed(client):
    with client.responses.stream(model="chat", input="Hello?") as stream:
        assert "".join(event.delta for event in stream if event.type == "response.output_text.delta") == says
        assert stream.get_final_response().output_text == says
    weather = {"type": "function", "name": "get_weather", "parameters": place, "strict": True}
    options = {"model": "chat", "tools": [weather], "parallel_tool_calls": False}
    with client.responses.stream(input="/tool", **options) as stream:
        calls = [item for item in stream.get_final_response().output if item.type == "function_call"]
    assert json.loads(calls[0].arguments) == {"city": "Paris"}


def errors(client):
    import openai

    for model, change, expected in [
        ("absent", {}, openai.NotFoundError),
        ("chat", {"temperature": "hot"}, openai.BadRequestError),
    ]:
        try:
            client.chat.completions.create(model=model, messages=messages, **change)
        except expected:
            continue
        raise AssertionError(f"no {expected.__name__}")


says = "Hello from the model tiny."
messages = [{"role": "user", "content": "Hello?"}]
place = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Paris"]}},
    "required": ["city"],
    "additionalProperties": False,
}

if __name__ == "__main__":
    from openai import OpenAI

    url, key, feature = sys.argv[1:]
    globals()[feature](OpenAI(base_url=f"{url}/v1", api_key=key))
