"""Drives a running Steadfast with the official OpenAI client for Python, and tells what it saw as JSON."""

import json
import os

import openai

client = openai.OpenAI(base_url=os.environ["STEADFAST_URL"], api_key="none")
ask = {
    "model": "quick",
    "messages": [{"role": "user", "content": "Tell me about the sea."}],
    "temperature": 0,
    "max_tokens": 24,
}

told = {"streamed": "", "finish_reason": None}
for chunk in client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}):
    for choice in chunk.choices:
        told["streamed"] += choice.delta.content or ""
        told["finish_reason"] = choice.finish_reason or told["finish_reason"]

told["whole"] = client.chat.completions.create(**ask).choices[0].message.content
told["models"] = [model.id for model in client.models.list()]

try:
    client.chat.completions.create(**{**ask, "model": "no-such-model"})
except openai.NotFoundError as error:
    told["not_found"] = {"status": error.status_code, "code": error.code, "request_id": error.request_id}

print(json.dumps(told))
