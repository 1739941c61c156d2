// OpenAI's client for Node against scripted answers; tells what it saw as JSON.

import OpenAI from 'openai';

const run = process.env.STEADFAST_RUN;
const client = (options) => new OpenAI({ baseURL: process.env.STEADFAST_URL, apiKey: 'none', ...options });
// Each scenario has an upstream of its own, named after it, so that one rests without the others.
const ask = (scenario) => ({
  model: `${scenario.replace('SCN-', '')}/scripted`,
  messages: [{ role: 'user', content: `Tell me. ${scenario}#${run}` }],
});
const tools = [{ type: 'function', function: { name: 'look_up', parameters: { type: 'object', properties: {} } } }];

async function streamed(scenario, more = {}) {
  const said = { text: '', finish: null, tool: { name: '', arguments: '' } };
  const stream = await client({ maxRetries: 0 }).chat.completions.create({ ...ask(scenario), ...more, stream: true });
  for await (const chunk of stream) {
    for (const choice of chunk.choices) {
      said.text += choice.delta.content ?? '';
      said.finish = choice.finish_reason ?? said.finish;
      for (const call of choice.delta.tool_calls ?? []) {
        said.tool.name += call.function.name ?? '';
        said.tool.arguments += call.function.arguments ?? '';
      }
    }
  }
  return said;
}

async function failure(call) {
  const started = performance.now();
  try {
    await call();
    return null;
  } catch (error) {
    const seconds = (performance.now() - started) / 1000;
    return { kind: error.constructor.name, status: error.status, request_id: error.requestID, seconds };
  }
}

const told = {};
const answer = await streamed('SCN-ok');
told.streamed = answer.text;
told.finish = answer.finish;
told.whole = (await client().chat.completions.create(ask('SCN-ok'))).choices[0].message.content;

const asked = await streamed('SCN-tool', { tools });
told.tool_finish = asked.finish;
told.tool = { name: asked.tool.name, arguments: JSON.parse(asked.tool.arguments) };
const first = (await client().chat.completions.create({ ...ask('SCN-tool'), tools })).choices[0].message;
const result = { role: 'tool', tool_call_id: first.tool_calls[0].id, content: '12 degrees' };
const again = { ...ask('SCN-tool'), tools };
again.messages.push(first, result);
told.after_tool = (await client().chat.completions.create(again)).choices[0].message.content;

told.bad_key = await failure(() => client().chat.completions.create(ask('SCN-401')));
told.cut = await failure(() => streamed('SCN-cut'));
told.timeout = await failure(() => client({ timeout: 1000, maxRetries: 0 }).chat.completions.create(ask('SCN-hang')));
told.long_wait = await failure(() => client().chat.completions.create(ask('SCN-429long')));
told.overloaded = await failure(() => client().chat.completions.create(ask('SCN-503')));
console.log(JSON.stringify(told));
