"""Anthropic's client for Python against scripted answers; tells what it saw as JSON."""

import json
import os
import time

import anthropic

KEY = os.environ["STEADFAST_RUN"]
TOOLS = [{"name": "look_up", "input_schema": {"type": "object", "properties": {}}}]


def client(**options):
    # This client adds the version to the address by itself.
    return anthropic.Anthropic(base_url=os.environ["STEADFAST_URL"].removesuffix("/v1"), api_key="none", **options)


def model(scenario):
    """Each scenario has an upstream of its own, named after it, so that one rests without the others."""
    return f"{scenario.removeprefix('SCN-')}/scripted"


def ask(scenario):
    messages = [{"role": "user", "content": f"Tell me. {scenario}#{KEY}"}]
    return {"model": model(scenario), "max_tokens": 1000, "messages": messages}


def streamed(scenario, **more):
    with client(max_retries=0).messages.stream(**ask(scenario), **more) as stream:
        text = "".join(stream.text_stream)
        return text, stream.get_final_message()


def failure(call):
    started = time.monotonic()
    try:
        call()
    except anthropic.AnthropicError as error:
        return {
            "kind": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "request_id": getattr(error, "request_id", None),
            "seconds": time.monotonic() - started,
        }
    return None


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


told = {}
told["streamed"], message = streamed("SCN-ok")
told["finish"] = message.stop_reason
told["whole"] = text_of(client().messages.create(**ask("SCN-ok")))

_, message = streamed("SCN-tool", tools=TOOLS)
told["tool_finish"] = message.stop_reason
call = next(block for block in message.content if block.type == "tool_use")
told["tool"] = {"name": call.name, "arguments": call.input}
again = ask("SCN-tool")
again["messages"] += [
    {"role": "assistant", "content": [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "12 degrees"}]},
]
told["after_tool"] = text_of(client().messages.create(**again, tools=TOOLS))
told["counted"] = client().messages.count_tokens(model=model("SCN-ok"), messages=ask("SCN-ok")["messages"]).input_tokens

told["bad_key"] = failure(lambda: client().messages.create(**ask("SCN-401")))
told["cut"] = failure(lambda: streamed("SCN-cut"))
told["timeout"] = failure(lambda: client(timeout=1, max_retries=0).messages.create(**ask("SCN-hang")))
told["long_wait"] = failure(lambda: client().messages.create(**ask("SCN-429long")))
told["overloaded"] = failure(lambda: client().messages.create(**ask("SCN-503")))
print(json.dumps(told))
