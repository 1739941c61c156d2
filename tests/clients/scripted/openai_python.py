"""OpenAI's client for Python against scripted answers; tells what it saw as JSON."""

import json
import os
import time

import openai

KEY = os.environ["STEADFAST_RUN"]
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}]


def client(**options):
    return openai.OpenAI(base_url=os.environ["STEADFAST_URL"], api_key="none", **options)


def model(scenario):
    """Each scenario has an upstream of its own, named after it, so that one rests without the others."""
    return f"{scenario.removeprefix('SCN-')}/scripted"


def ask(scenario):
    return {"model": model(scenario), "messages": [{"role": "user", "content": f"Tell me. {scenario}#{KEY}"}]}


def streamed(scenario, **more):
    text, tool, finish = "", {"name": "", "arguments": ""}, None
    for chunk in client(max_retries=0).chat.completions.create(**ask(scenario), stream=True, **more):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or []:
                tool["name"] += call.function.name or ""
                tool["arguments"] += call.function.arguments or ""
    return text, tool, finish


def failure(call):
    started = time.monotonic()
    try:
        call()
    except openai.OpenAIError as error:
        return {
            "kind": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "request_id": getattr(error, "request_id", None),
            "seconds": time.monotonic() - started,
        }
    return None


told = {}
told["streamed"], _, told["finish"] = streamed("SCN-ok")
told["whole"] = client().chat.completions.create(**ask("SCN-ok")).choices[0].message.content

_, tool, told["tool_finish"] = streamed("SCN-tool", tools=TOOLS)
told["tool"] = {"name": tool["name"], "arguments": json.loads(tool["arguments"])}
first = client().chat.completions.create(**ask("SCN-tool"), tools=TOOLS).choices[0].message
call = first.tool_calls[0]
result = {"role": "tool", "tool_call_id": call.id, "content": "12 degrees"}
again = ask("SCN-tool")
again["messages"] += [first.model_dump(exclude_none=True), result]
told["after_tool"] = client().chat.completions.create(**again, tools=TOOLS).choices[0].message.content

told["bad_key"] = failure(lambda: client().chat.completions.create(**ask("SCN-401")))
told["cut"] = failure(lambda: streamed("SCN-cut"))
told["timeout"] = failure(lambda: client(timeout=1, max_retries=0).chat.completions.create(**ask("SCN-hang")))
told["long_wait"] = failure(lambda: client().chat.completions.create(**ask("SCN-429long")))
told["overloaded"] = failure(lambda: client().chat.completions.create(**ask("SCN-503")))
print(json.dumps(told))
