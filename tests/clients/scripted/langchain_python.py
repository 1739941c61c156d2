"""LangChain's OpenAI chat model against scripted answers; tells what it saw as JSON."""

import json
import os
import time

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

KEY = os.environ["STEADFAST_RUN"]


@tool
def look_up(city: str, days: int) -> str:
    """The weather."""
    return f"12 degrees in {city} for {days} days"


def model(scenario, **options):
    """Each scenario has an upstream of its own, named after it, so that one rests without the others."""
    name = f"{scenario.removeprefix('SCN-')}/scripted"
    return ChatOpenAI(model=name, base_url=os.environ["STEADFAST_URL"], api_key="none", **options)


def ask(scenario):
    return [HumanMessage(f"Tell me. {scenario}#{KEY}")]


def streamed(scenario):
    return "".join(chunk.content for chunk in model(scenario, max_retries=0).stream(ask(scenario)))


def failure(call):
    started = time.monotonic()
    try:
        call()
    except (openai.OpenAIError, ValueError) as error:
        return {
            "kind": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "request_id": getattr(error, "request_id", None),
            "seconds": time.monotonic() - started,
        }
    return None


told = {"streamed": streamed("SCN-ok")}
whole = model("SCN-ok").invoke(ask("SCN-ok"))
told["whole"], told["finish"] = whole.content, whole.response_metadata["finish_reason"]

first = model("SCN-tool").bind_tools([look_up]).invoke(ask("SCN-tool"))
call = first.tool_calls[0]
told["tool_finish"] = first.response_metadata["finish_reason"]
told["tool"] = {"name": call["name"], "arguments": call["args"]}
result = ToolMessage(look_up.invoke(call["args"]), tool_call_id=call["id"])
told["after_tool"] = model("SCN-tool").bind_tools([look_up]).invoke([*ask("SCN-tool"), first, result]).content

told["bad_key"] = failure(lambda: model("SCN-401").invoke(ask("SCN-401")))
told["cut"] = failure(lambda: streamed("SCN-cut"))
told["timeout"] = failure(lambda: model("SCN-hang", timeout=1, max_retries=0).invoke(ask("SCN-hang")))
told["long_wait"] = failure(lambda: model("SCN-429long").invoke(ask("SCN-429long")))
told["overloaded"] = failure(lambda: model("SCN-503").invoke(ask("SCN-503")))
print(json.dumps(told))
