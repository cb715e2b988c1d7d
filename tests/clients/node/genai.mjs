// Google's package for Node.js as a program of its own. Arguments: address with /v1, token, targets, folder of the packages.
// Prints a line of JSON for each case.

import { createRequire } from "node:module";

const [base, token, given, folder, ...wanted] = process.argv.slice(2);
const { GoogleGenAI } = createRequire(`${folder}/`)("@google/genai");
const client = new GoogleGenAI({ apiKey: token, httpOptions: { baseUrl: base.replace(/\/v1$/, "") } });

const ARGUMENTS = [{ city: "Köln", days: [1, 2] }, { city: "Rome" }];
const CALLS = ARGUMENTS.map((call) => `[call weather ${JSON.stringify(call)}]`).join(" ");
const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const properties = { city: { type: "string" }, days: { type: "array", items: { type: "integer" } } };
const weather = { name: "weather", parametersJsonSchema: { type: "object", properties } };
const config = { tools: [{ functionDeclarations: [weather] }] };

function check(found, expected) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${a} is not ${b}`);
}

function said(text, ...parts) {
  for (const part of parts) if (!text?.includes(part)) throw new Error(`${JSON.stringify(text)} does not say ${part}`);
}

async function fails(ask, ...statuses) {
  let problem;
  try {
    await ask();
  } catch (error) {
    problem = error;
  }
  if (problem === undefined) throw new Error("it was answered");
  if (statuses.length && !statuses.includes(problem.status)) throw new Error(`the status is ${problem.status}: ${problem}`);
  return problem;
}

async function read(model, contents, more) {
  const chunks = [];
  for await (const chunk of await client.models.generateContentStream({ model, contents, config: more })) chunks.push(chunk);
  return chunks;
}

async function round(model, parts) {
  const calls = parts.filter((part) => part.functionCall);
  check(calls.map((part) => part.functionCall.args), ARGUMENTS);
  const results = calls.map((part, at) => {
    const { id, name } = part.functionCall;
    return { functionResponse: { id, name, response: { result: ["21 degrees", "30 degrees"][at] } } };
  });
  const contents = [
    { role: "user", parts: [{ text: CALLS }] },
    { role: "model", parts },
    { role: "user", parts: results },
  ];
  said((await client.models.generateContent({ model, contents, config })).text, "21 degrees", "30 degrees");
}

const cases = {
  async plain(model) {
    const more = { systemInstruction: "Be brief.", temperature: 0.5 };
    const done = await client.models.generateContent({ model, contents: "hello", config: more });
    said(done.text, "You said: hello", "system: Be brief.");
    check([done.candidates[0].finishReason, done.usageMetadata.promptTokenCount], ["STOP", 11]);
  },
  async stream(model) {
    const chunks = await read(model, "hello");
    said(chunks.map((chunk) => chunk.text ?? "").join(""), "You said: hello");
    check(chunks.at(-1).candidates[0].finishReason, "STOP");
  },
  async tools(model) {
    const done = await client.models.generateContent({ model, contents: CALLS, config });
    await round(model, done.candidates[0].content.parts);
  },
  async tools_stream(model) {
    const chunks = await read(model, CALLS, config);
    await round(model, chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []).filter((part) => part.functionCall));
  },
  async chat(model) {
    const chat = client.chats.create({ model });
    said((await chat.sendMessage({ message: "hello" })).text, "You said: hello");
    said((await chat.sendMessage({ message: "again" })).text, "You said: again");
  },
  async picture(model) {
    const contents = ["look", { inlineData: { data: PICTURE, mimeType: "image/png" } }];
    said((await client.models.generateContent({ model, contents })).text, "look", "pictures: 1");
  },
  async tokens(model) {
    const { totalTokens } = await client.models.countTokens({ model, contents: "hello" });
    if (!(totalTokens > 0)) throw new Error(`${totalTokens} tokens`);
  },
  async models(model, target) {
    const names = [];
    for await (const one of await client.models.list()) names.push(one.name);
    said(names.join(" "), `models/${target.chat}`);
  },
  async errors(model, target) {
    for (const status of [400, 401, 429, 500]) {
      const statuses = status === 400 || status === 429 ? [status] : [502, 503];
      const asked = { model: `${target.id}-${status}/${target.chat}`, contents: `[status ${status}]` };
      await fails(() => client.models.generateContent(asked), ...statuses);
    }
  },
  async breaks(model, target) {
    const problem = await fails(() => read(`${target.id}-break/${target.chat}`, "[break]"));
    said(String(problem), "broke off");
  },
};

for (const target of JSON.parse(given)) {
  for (const [label, run] of Object.entries(cases)) {
    if (wanted.length && !wanted.includes(label)) continue;
    let problem = "";
    try {
      await run(`${target.id}/${target.chat}`, target);
    } catch (error) {
      problem = `${error.name}: ${error.message}`.slice(0, 800);
    }
    console.log(JSON.stringify({ provider: target.id, case: label, problem }));
  }
}
