// The Vercel AI SDK as a program of its own, by each of its providers: OpenAI chat, Responses, Anthropic, Google, and
// OpenAI-compatible. Arguments: address with /v1, token, targets, folder of the packages. Prints a line of JSON for each case.

import { createRequire } from "node:module";

const [base, token, given, folder, ...wanted] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { embedMany, generateObject, generateText, stepCountIs, streamText, tool } = require("ai");
const { createAnthropic } = require("@ai-sdk/anthropic");
const { createGoogleGenerativeAI } = require("@ai-sdk/google");
const { createOpenAI } = require("@ai-sdk/openai");
const { createOpenAICompatible } = require("@ai-sdk/openai-compatible");
const { z } = require("zod");

globalThis.AI_SDK_LOG_WARNINGS = false;
const root = base.replace(/\/v1$/, "");
const openai = createOpenAI({ baseURL: base, apiKey: token });
const google = createGoogleGenerativeAI({ baseURL: `${root}/v1beta`, apiKey: token });
const anthropic = createAnthropic({ baseURL: `${root}/v1`, apiKey: token });
const compatible = createOpenAICompatible({
  name: "switchtower",
  baseURL: base,
  apiKey: token,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const ways = {
  "openai chat": (model) => openai.chat(model),
  "openai responses": (model) => openai.responses(model),
  anthropic: (model) => anthropic(model),
  google: (model) => google(model),
  compatible: (model) => compatible(model),
};

const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const CALLS = '[call weather {"city":"Köln","days":[1,2]}] [call weather {"city":"Rome"}]';
const ARGUMENTS = [{ city: "Köln", days: [1, 2] }, { city: "Rome" }];
const RESULTS = { Köln: "21 degrees", Rome: "30 degrees" };
const seen = [];
const weather = tool({
  description: "Tells the weather.",
  inputSchema: z.object({ city: z.string(), days: z.array(z.number()).optional() }),
  execute: async (input) => {
    seen.push(input);
    return RESULTS[input.city];
  },
});

function check(given, wanted) {
  const [a, b] = [JSON.stringify(given), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${a} is not ${b}`);
}

function said(text, ...parts) {
  for (const part of parts) if (!text.includes(part)) throw new Error(`${JSON.stringify(text)} does not say ${part}`);
}

async function fails(ask, ...statuses) {
  let problem;
  try {
    await ask();
  } catch (error) {
    problem = error;
  }
  if (problem === undefined) throw new Error("it was answered");
  const status = problem.statusCode ?? problem.lastError?.statusCode;
  if (statuses.length && !statuses.includes(status)) throw new Error(`the status is ${status}: ${problem}`);
}

// What goes with every request: no retries, and errors of streams are thrown by whoever reads them.
const quiet = { maxRetries: 0, onError: () => undefined };

const cases = {
  async plain(model, target) {
    const done = await generateText({ model: model(name(target)), system: "Be brief.", prompt: "hello", maxRetries: 0 });
    said(done.text, "You said: hello", "system: Be brief.");
    check([done.finishReason, done.usage.inputTokens, done.usage.outputTokens], ["stop", 11, 7]);
  },
  async stream(model, target) {
    const done = streamText({ model: model(name(target)), prompt: "hello", ...quiet });
    let text = "";
    for await (const piece of done.textStream) text += piece;
    said(text, "You said: hello");
    const usage = await done.usage;
    check([await done.finishReason, usage.inputTokens, usage.outputTokens], ["stop", 11, 7]);
  },
  async tools(model, target) {
    seen.length = 0;
    const asked = { tools: { weather }, stopWhen: stepCountIs(3), prompt: CALLS, maxRetries: 0 };
    const done = await generateText({ model: model(name(target)), ...asked });
    check(seen, ARGUMENTS);
    said(done.text, "21 degrees", "30 degrees");
    check(done.steps.length, 2);
  },
  async tools_stream(model, target) {
    seen.length = 0;
    const asked = { tools: { weather }, stopWhen: stepCountIs(3), prompt: CALLS, ...quiet };
    const done = streamText({ model: model(name(target)), ...asked });
    let text = "";
    for await (const piece of done.textStream) text += piece;
    check(seen, ARGUMENTS);
    said(text, "21 degrees", "30 degrees");
    check((await done.steps)[0].finishReason, "tool-calls");
  },
  async turns(model, target) {
    const asked = { model: model(name(target)), maxRetries: 0 };
    const user = (content) => ({ role: "user", content });
    const first = await generateText({ ...asked, messages: [user("hello")] });
    const messages = [user("hello"), ...first.response.messages, user("again")];
    said((await generateText({ ...asked, messages })).text, "You said: again");
  },
  async picture(model, target) {
    const content = [
      { type: "text", text: "look" },
      { type: "image", image: PICTURE, mediaType: "image/png" },
    ];
    const messages = [{ role: "user", content }];
    said((await generateText({ model: model(name(target)), messages, maxRetries: 0 })).text, "look", "pictures: 1");
  },
  async structured(model, target) {
    const schema = z.object({ city: z.string(), degrees: z.number() });
    const asked = { model: model(name(target)), schema, prompt: "weather", maxRetries: 0 };
    // By Anthropic's dialect a tool is forced, which an Ollama cannot be told.
    if (target.id === "ollama" && model === ways.anthropic) return fails(() => generateObject(asked), 400);
    const done = await generateObject(asked);
    check(done.object, { city: "Köln", degrees: 21 });
  },
  async errors(model, target) {
    for (const status of [400, 401, 429, 500]) {
      const statuses = status === 400 || status === 429 ? [status] : [502, 503];
      const asked = { model: model(name(target, status)), prompt: `[status ${status}]`, maxRetries: 0 };
      await fails(() => generateText(asked), ...statuses);
    }
  },
  async breaks(model, target) {
    const done = streamText({ model: model(name(target, "break")), prompt: "[break]", ...quiet });
    const kinds = [];
    for await (const part of done.fullStream) kinds.push(part.type);
    if (!kinds.includes("error")) throw new Error(`no error among ${kinds}`);
    if (!kinds.includes("text-delta")) throw new Error("no words came before it");
  },
};

function name(target, how) {
  return `${target.id}${how === undefined ? "" : `-${how}`}/${target.chat}`;
}

async function vectors(model, target) {
  const { embeddings } = await embedMany({ model, values: ["a", "bcd"], maxRetries: 0 });
  check(embeddings.map((row) => row[0]), [1, 3]);
}

async function tried(target, label, run) {
  if (wanted.length && !wanted.some((word) => label.includes(word))) return;
  let problem = "";
  try {
    await run();
  } catch (error) {
    problem = `${error.name}: ${error.message}`.slice(0, 800);
  }
  console.log(JSON.stringify({ provider: target.id, case: label, problem }));
}

for (const target of JSON.parse(given)) {
  for (const [way, model] of Object.entries(ways))
    for (const [label, run] of Object.entries(cases)) await tried(target, `${way} ${label}`, () => run(model, target));
  if (target.embeds) {
    const id = `${target.id}/${target.embeds}`;
    await tried(target, "openai vectors", () => vectors(openai.textEmbeddingModel(id), target));
    await tried(target, "google vectors", () => vectors(google.textEmbeddingModel(id), target));
    await tried(target, "compatible vectors", () => vectors(compatible.textEmbeddingModel(id), target));
  }
}
