// One scenario of the openai SDK for node against a running server: node openai_sdk.mjs <scenario>.
// Prints what came of it as JSON; tests/clients/test_node.py says what that must be.

import OpenAI from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const client = new OpenAI({
  baseURL: process.env.BASE_URL,
  apiKey: process.env.API_KEY,
  maxRetries: 0,
});
const ran = [];
const weather = zodFunction({
  name: 'weather',
  parameters: z.object({ city: z.string() }),
  function: ({ city }) => {
    ran.push(city);
    return city === '北京' ? '晴' : '雨';
  },
});
const ask = { model: 'm', messages: [{ role: 'user', content: 'What is there?' }] };

const scenarios = {
  async runTools() {
    const runner = client.chat.completions.runTools({ ...ask, stream: true, tools: [weather] });
    return { text: await runner.finalContent(), ran, roles: runner.messages.map((m) => m.role) };
  },

  async stream() {
    const stream = client.chat.completions.stream({ ...ask, tools: [weather] });
    const done = [];
    stream.on('tool_calls.function.arguments.done', (call) => done.push(call.parsed_arguments));
    const message = await stream.finalMessage();
    return { done, content: message.content, calls: message.tool_calls.length };
  },

  async parse() {
    const schema = z.object({ value: z.number(), why: z.string() });
    const completion = await client.chat.completions.parse({
      ...ask,
      response_format: zodResponseFormat(schema, 'answer'),
    });
    return completion.choices[0].message.parsed;
  },

  async error() {
    return { text: (await client.chat.completions.create(ask)).choices[0].message.content };
  },
};

let output;
try {
  output = await scenarios[process.argv[2]]();
} catch (error) {
  const { status = null, code = null, type = null, requestID = null } = error;
  output = { error: { name: error.constructor.name, status, code, type, requestID } };
}
console.log(JSON.stringify(output));
