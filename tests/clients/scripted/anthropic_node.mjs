// Anthropic's client for Node against scripted answers; tells what it saw as JSON.

import Anthropic from '@anthropic-ai/sdk';

const run = process.env.STEADFAST_RUN;
// This client adds the version to the address by itself.
const baseURL = process.env.STEADFAST_URL.replace(/\/v1$/, '');
const client = (options) => new Anthropic({ baseURL, apiKey: 'none', ...options });
// Each scenario has an upstream of its own, named after it, so that one rests without the others.
const ask = (scenario) => ({
  model: `${scenario.replace('SCN-', '')}/scripted`,
  max_tokens: 1000,
  messages: [{ role: 'user', content: `Tell me. ${scenario}#${run}` }],
});
const tools = [{ name: 'look_up', input_schema: { type: 'object', properties: {} } }];
const textOf = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('');

function streamed(scenario, more = {}) {
  return client({ maxRetries: 0 }).messages.stream({ ...ask(scenario), ...more }).finalMessage();
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
told.streamed = textOf(answer);
told.finish = answer.stop_reason;
told.whole = textOf(await client().messages.create(ask('SCN-ok')));

const asked = await streamed('SCN-tool', { tools });
const call = asked.content.find((block) => block.type === 'tool_use');
told.tool_finish = asked.stop_reason;
told.tool = { name: call.name, arguments: call.input };
const again = { ...ask('SCN-tool'), tools };
again.messages.push(
  { role: 'assistant', content: [{ type: 'tool_use', id: call.id, name: call.name, input: call.input }] },
  { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: '12 degrees' }] },
);
told.after_tool = textOf(await client().messages.create(again));

told.bad_key = await failure(() => client().messages.create(ask('SCN-401')));
told.cut = await failure(() => streamed('SCN-cut'));
told.timeout = await failure(() => client({ timeout: 1000, maxRetries: 0 }).messages.create(ask('SCN-hang')));
told.long_wait = await failure(() => client().messages.create(ask('SCN-429long')));
told.overloaded = await failure(() => client().messages.create(ask('SCN-503')));
console.log(JSON.stringify(told));
