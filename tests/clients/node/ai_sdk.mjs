// One scenario of the AI SDK against a running server: node ai_sdk.mjs <scenario> <provider>.
// Prints what came of it as JSON; tests/clients/test_node.py says what that must be.

import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateObject, generateText, Output, stepCountIs, streamObject, streamText, tool } from 'ai';
import { z } from 'zod';

globalThis.AI_SDK_LOG_WARNINGS = false;

const settings = { baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY };
const providers = {
  openai: () => createOpenAI(settings).chat('m'),
  compatible: () =>
    createOpenAICompatible({
      ...settings,
      name: 'toolbridge',
      includeUsage: true,
      supportsStructuredOutputs: true,
    })('m'),
  // As it is when nothing is said: no schemas, and no usage of streams.
  plain: () => createOpenAICompatible({ ...settings, name: 'toolbridge' })('m'),
};

const ran = [];
const tools = {
  weather: tool({
    description: 'The weather of a city.',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      ran.push(city);
      return { city, sky: city === '北京' ? '晴' : '雨' };
    },
  }),
  multiply: tool({
    description: 'The product of two numbers.',
    inputSchema: z.object({ a: z.number(), b: z.number() }),
    execute: async ({ a, b }) => a * b,
  }),
};
const recipe = z.object({
  name: z.string(),
  minutes: z.number(),
  steps: z.array(z.object({ what: z.string() })),
});

const prompt = 'What is there?';
const agent = { tools, prompt, stopWhen: stepCountIs(5), maxRetries: 0 };
const asked = { prompt, maxRetries: 0 };

function told(step) {
  return {
    text: step.text,
    finish: step.finishReason,
    calls: step.toolCalls.map((call) => [call.toolName, call.input]),
    results: step.toolResults.map((result) => result.output),
    tokens: step.usage.totalTokens ?? null,
  };
}

const scenarios = {
  async generateText(model) {
    const { text, steps } = await generateText({ model, ...agent });
    return { text, ran, steps: steps.map(told) };
  },

  async streamText(model) {
    const errors = [];
    const result = streamText({ model, ...agent, onError: ({ error }) => errors.push(error) });
    const kinds = [];
    for await (const part of result.fullStream) kinds.push(part.type);
    if (errors.length) return { kinds, error: failure(errors[0]) };
    const steps = (await result.steps).map(told);
    return { text: await result.text, ran, steps, kinds };
  },

  async generateObject(model) {
    const { object, finishReason } = await generateObject({ model, schema: recipe, ...asked });
    return { object, finishReason };
  },

  async streamObject(model) {
    const result = streamObject({ model, schema: recipe, ...asked });
    const partial = [];
    for await (const part of result.partialObjectStream) partial.push(part);
    return { object: await result.object, partial: partial.length };
  },

  async outputAfterTools(model) {
    const output = Output.object({ schema: recipe });
    const { output: object, steps } = await generateText({ model, ...agent, output });
    return { object, ran, steps: steps.map(told) };
  },

  async streamedOutput(model) {
    const result = streamText({ model, ...agent, output: Output.object({ schema: recipe }) });
    let last;
    for await (const part of result.partialOutputStream) last = part;
    return { object: last, ran };
  },

  async named(model) {
    const toolChoice = { type: 'tool', toolName: 'weather' };
    return told(await generateText({ model, tools, toolChoice, ...asked }));
  },
};

function failure(error) {
  return {
    name: error.name,
    message: error.message,
    status: error.statusCode ?? null,
    retry: error.isRetryable ?? null,
    code: error.data?.error?.code ?? null,
  };
}

const [scenario, provider] = process.argv.slice(2);
let output;
try {
  output = await scenarios[scenario](providers[provider]());
} catch (error) {
  output = { error: failure(error) };
}
console.log(JSON.stringify(output));
