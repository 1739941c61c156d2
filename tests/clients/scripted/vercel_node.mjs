// Vercel's AI SDK against scripted answers; tells what it saw as JSON.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';

const run = process.env.STEADFAST_RUN;
const provider = createOpenAICompatible({ name: 'house', baseURL: process.env.STEADFAST_URL, apiKey: 'none' });
// Each scenario has an upstream of its own, named after it, so that one rests without the others.
const ask = (scenario) => ({
  model: provider.chatModel(`${scenario.replace('SCN-', '')}/scripted`),
  prompt: `Tell me. ${scenario}#${run}`,
});
const inputSchema = jsonSchema({ type: 'object', properties: { city: { type: 'string' }, days: { type: 'number' } } });

/** Its streams do not throw: errors come as parts, and a good end has a finish reason. */
async function streamed(scenario, more = {}) {
  const said = { text: '', finish: null };
  const stream = streamText({ ...ask(scenario), maxRetries: 0, onError: () => {}, ...more });
  for await (const part of stream.fullStream) {
    if (part.type === 'text-delta') said.text += part.text;
    if (part.type === 'finish') said.finish = part.finishReason;
    if (part.type === 'error') throw part.error;
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
    const last = error.lastError ?? error;
    const request_id = last.responseHeaders?.['x-request-id'];
    return { kind: error.name ?? error.constructor.name, status: last.statusCode, request_id, seconds };
  }
}

const told = {};
const answer = await streamed('SCN-ok');
told.streamed = answer.text;
told.finish = answer.finish;
told.whole = (await generateText(ask('SCN-ok'))).text;

let given;
const look_up = tool({
  inputSchema,
  execute: (input) => {
    given = input;
    return '12 degrees';
  },
});
const both = await generateText({ ...ask('SCN-tool'), tools: { look_up }, stopWhen: stepCountIs(2) });
told.tool_finish = both.steps[0].finishReason;
told.tool = { name: both.steps[0].toolCalls[0].toolName, arguments: given };
told.after_tool = both.text;

told.bad_key = await failure(() => generateText(ask('SCN-401')));
told.cut = await failure(() => streamed('SCN-cut'));
told.timeout = await failure(() =>
  generateText({ ...ask('SCN-hang'), maxRetries: 0, abortSignal: AbortSignal.timeout(1000) }),
);
told.long_wait = await failure(() => generateText({ ...ask('SCN-429long'), maxRetries: 0 }));
told.overloaded = await failure(() => generateText(ask('SCN-503')));
console.log(JSON.stringify(told));
