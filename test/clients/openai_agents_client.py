"""The openai-agents package for Python, unmodified: runs the feature that the third argument names."""

import asyncio
import sys
from typing import Literal

from agents import Agent, ModelSettings, OpenAIProvider, RunConfig, Runner, function_tool


async def run(config):
    result = await Runner.run(Agent(name="Assistant", model="chat"), "Hello?", run_config=config)
    assert result.final_output == says, result.final_output


async def run_with_tool(config):
    result = await Runner.run(with_tool, "/tool", run_config=config)
    assert (result.final_output, calls) == (says, ["Paris"]), (result.final_output, calls)


async def streamed_run_with_tool(config):
    result = Runner.run_streamed(with_tool, "/tool", run_config=config)
    names = [event.name async for event in result.stream_events() if event.type == "run_item_stream_event"]
    assert (result.final_output, calls) == (says, ["Paris"]), (result.final_output, calls)
    assert "tool_called" in names and "tool_output" in names, names


@function_tool
def get_weather(city: Literal["Paris"]) -> str:
    """The weather of a city."""
    calls.append(city)
    return "rain"


says = "Hello from the model tiny."
calls = []
# The tiny model of the embedded engine would make calls without end.
settings = ModelSettings(parallel_tool_calls=False)
with_tool = Agent(name="Weather", model="chat", tools=[get_weather], model_settings=settings)

if __name__ == "__main__":
    url, key, feature = sys.argv[1:]
    provider = OpenAIProvider(base_url=f"{url}/v1", api_key=key, use_responses=True)
    asyncio.run(globals()[feature](RunConfig(model_provider=provider, tracing_disabled=True)))
