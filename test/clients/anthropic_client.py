"""The anthropic package for Python, unmodified: runs the feature that the third argument names."""

import sys


def messages(client):
    answer = client.messages.create(**hello)
    assert answer.content[0].text == says
    assert answer.stop_reason == "end_turn" and answer.usage.output_tokens > 0


def messages_streamed(client):
    with client.messages.stream(**hello) as stream:
        assert "".join(stream.text_stream) == says
        message = stream.get_final_message()
    assert message.stop_reason == "end_turn" and message.usage.input_tokens > 0
    types = [event.type for event in client.messages.create(**hello, stream=True)]
    assert (types[0], types[-1]) == ("message_start", "message_stop")


def thinking(client):
    with client.messages.stream(**asking("/think")) as stream:
        content = {block.type: block for block in stream.get_final_message().content}
    assert content["thinking"].thinking.strip() == "Let me think hard."
    assert content["text"].text.strip() == "The answer is forty-two."


def tools(client):
    options = {
        "tools": [{"name": "get_weather", "input_schema": place}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    }
    request = asking("/tool")
    answer = client.messages.create(**request, **options)
    call = next(block for block in answer.content if block.type == "tool_use")
    assert (call.input, answer.stop_reason) == ({"city": "Paris"}, "tool_use")
    with client.messages.stream(**request, **options) as stream:
        assert stream.get_final_message().content[-1].input == {"city": "Paris"}
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
    history = [
        *request["messages"],
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [result]},
    ]
    assert client.messages.create(**{**request, "messages": history}, **options).content[0].text == says


def count_tokens(client):
    assert client.messages.count_tokens(model="chat", messages=hello["messages"]).input_tokens > 0


def models(client):
    assert sorted(model.id for model in client.models.list()) == ["chat", "embed"]
    assert client.models.retrieve("chat").display_name == "chat"


def errors(client):
    import anthropic

    for change, expected in [
        ({"model": "absent"}, anthropic.NotFoundError),
        ({"messages": []}, anthropic.BadRequestError),
    ]:
        try:
            client.messages.create(**{**hello, **change})
        except expected as error:
            assert error.body["type"] == "error"
            continue
        raise AssertionError(f"no {expected.__name__}")


def asking(content):
    return {"model": "chat", "max_tokens": 100, "messages": [{"role": "user", "content": content}]}


says = "Hello from the model tiny."
hello = asking("Hello?")
place = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Paris"]}},
    "required": ["city"],
    "additionalProperties": False,
}

if __name__ == "__main__":
    from anthropic import Anthropic

    url, key, feature = sys.argv[1:]
    globals()[feature](Anthropic(base_url=url, api_key=key, max_retries=0))
