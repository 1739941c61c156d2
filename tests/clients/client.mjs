// Drives a running Steadfast with the official OpenAI client for Node, and tells what it saw as JSON.

import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.env.STEADFAST_URL, apiKey: 'none' });
const ask = {
  model: 'quick',
  messages: [{ role: 'user', content: 'Tell me about the sea.' }],
  temperature: 0,
  max_tokens: 24,
};

const told = { streamed: '', finish_reason: null, models: [] };
for await (const chunk of await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } })) {
  for (const choice of chunk.choices) {
    told.streamed += choice.delta.content ?? '';
    told.finish_reason = choice.finish_reason ?? told.finish_reason;
  }
}

told.whole = (await client.chat.completions.create(ask)).choices[0].message.content;
for await (const model of client.models.list()) told.models.push(model.id);

try {
  await client.chat.completions.create({ ...ask, model: 'no-such-model' });
} catch (error) {
  told.not_found = { status: error.status, code: error.code, request_id: error.requestID };
}

console.log(JSON.stringify(told));
