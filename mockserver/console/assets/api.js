/** The control plane of the mock: requests with the token, errors as sentences, streams of events. */

const TOKEN = "mock-control-token";
/** Whether JSON can be read without rounding integers. In a browser without it they come as text. */
const EXACT = JSON.parse("1", (_, value, context) => context?.source === "1");

/** A request that the mock refused; the message is the `detail` of its problem document. `status` 0: it did not answer. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

let ask = () => Promise.resolve(null);
let asking = null;

/** `callback` gets whether a token was refused, and gives a promise of a token, or of null where there is none. */
export function onTokenNeeded(callback) {
  ask = callback;
}

/** The control-plane token of this tab, or null. */
export const token = () => sessionStorage.getItem(TOKEN);

/** The path of a world in the control plane. */
export const worldPath = (name) => `/_mock/worlds/${encodeURIComponent(name)}`;

/** Sends a request and gives its decoded reply; null where the reply is empty. Throws Refused. */
export async function call(method, path, { query, body } = {}) {
  const reply = await send(method, withQuery(path, query), body);
  const text = await reply.text();
  return text === "" ? null : decoded(text);
}

/** Sends a GET request and gives its reply as text. Throws Refused. */
export async function text(path) {
  return (await send("GET", path)).text();
}

/** The events of a stream, each with `event`, `id` and `data` (decoded), until the stream ends. Throws Refused. */
export async function* events(path, query, signal) {
  const reply = await send("GET", withQuery(path, query), undefined, signal);
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = eventOf(block);
      if (event) yield event;
    }
  }
}

async function send(method, path, body, signal) {
  for (;;) {
    const used = token();
    const reply = await answered(path, { method, headers: headers(used, body), body: encoded(body), signal });
    if (reply.ok) return reply;
    if (reply.status !== 401 || !(await anotherToken(used))) throw await refusal(reply);
  }
}

async function answered(path, options) {
  try {
    return await fetch(path, { ...options, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The mock does not answer. Is it running?");
  }
}

function headers(used, body) {
  return {
    ...(used === null ? {} : { Authorization: `Bearer ${used}` }),
    ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    ...(EXACT ? {} : { "Mock-Integers": "text" }),
  };
}

async function refusal(reply) {
  let detail = "";
  try {
    detail = (await reply.json()).detail;
  } catch {
    // Not a problem document: something between this page and the mock answered.
  }
  return new Refused(reply.status, detail || `The mock answered with HTTP ${reply.status}.`);
}

/** Whether there is another token than the one that was refused. Requests that are refused together ask once. */
async function anotherToken(refused) {
  if (token() !== refused) return true;
  asking ??= ask(refused !== null).finally(() => (asking = null));
  const given = await asking;
  if (given !== null) sessionStorage.setItem(TOKEN, given);
  return given !== null;
}

function withQuery(path, query = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

/** A document whose integers are exact: those that a number cannot hold become BigInt. */
function decoded(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context.source) : value,
  );
}

function encoded(body) {
  return body === undefined ? undefined : JSON.stringify(body, (_, value) => (typeof value === "bigint" ? String(value) : value));
}

function eventOf(block) {
  const found = { event: "message", id: null, data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (name in found) found[name] = line.slice(colon + 1).replace(/^ /, "");
  }
  return found.data === "" ? null : { ...found, data: decoded(found.data) };
}
