/** The faults of a world: what is left of each, and a form for another one. */

import { html, useState } from "./preact.js";
import { call, worldPath } from "./api.js";
import { count, plain } from "./format.js";
import { Button, Empty, Field, Text, usePage } from "./elements.js";
import { useOperations, useReading } from "./reading.js";

export function Faults() {
  const { live, attempt } = usePage();
  const path = `${worldPath(live.name)}/faults`;
  const faults = useReading(path, live.turn);
  const change = (method, target, body) =>
    attempt(async () => {
      await call(method, target, { body });
      await live.refresh();
    });
  return html`<div class="split faults">
    <section class="pane" aria-label="Faults">
      <header class="head">
        <h2>Faults</h2>
        <div class="buttons"><${Button} kind="danger" disabled=${!faults?.length} onClick=${() => change("DELETE", path)}>Clear all</></div>
      </header>
      ${faults?.length
        ? html`<ol class="cards">
            ${faults.map(
              (fault) => html`<li key=${fault.id}>
                <div>
                  <b>${fault.operation ?? "every operation"}</b> <span class="tag" data-kind="fault">${effectOf(fault)}</span>
                  <div class="aside">${left(fault)}</div>
                  ${fault.patch && html`<${Text} class="code" value=${plain(fault.patch)} />`}
                </div>
                <${Button} kind="quiet" aria-label=${`Remove fault ${fault.id}`} onClick=${() => change("DELETE", `${path}/${fault.id}`)}>
                  Remove
                </>
              </li>`,
            )}
          </ol>`
        : html`<${Empty}>No faults: every reply is that of the contract.</>`}
    </section>
    <section class="pane" aria-label="Add a fault"><${NewFault} onAdd=${(body) => call("POST", path, { body })} /></section>
  </div>`;
}

const EFFECTS = {
  outcome: "answer with an outcome, change nothing",
  delay: "delay the reply",
  page: "answer with an HTML page, change nothing",
  drop: "close the connection",
  broken: "cut the JSON of the reply off",
  patch: "change the body of the reply",
};

function NewFault({ onAdd }) {
  const { live, notify } = usePage();
  const operations = useOperations() ?? [];
  const [wanted, setWanted] = useState({ operation: "", effect: "outcome", value: "", times: "", rate: "" });
  const [error, setError] = useState("");
  const set = (name) => (event) => setWanted((before) => ({ ...before, [name]: event.target.value }));
  const submit = async (event) => {
    event.preventDefault();
    setError("");
    try {
      await onAdd(bodyOf(wanted));
      await live.refresh();
      notify("The fault applies from now on.");
    } catch (refused) {
      setError(refused.message);
    }
  };
  return html`<form class="stack" onSubmit=${submit}>
    <h2>Add a fault</h2>
    <${Field} label="Operation">
      <select name="operation" value=${wanted.operation} onChange=${set("operation")}>
        <option value="">every operation</option>
        ${operations.map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}
      </select>
    </>
    <${Field} label="Effect">
      <select
        name="effect"
        value=${wanted.effect}
        onChange=${(event) => setWanted((before) => ({ ...before, effect: event.target.value, value: "" }))}
      >
        ${Object.entries(EFFECTS).map(([name, text]) => html`<option key=${name} value=${name}>${text}</option>`)}
      </select>
    </>
    <${Effect} wanted=${wanted} operations=${operations} onInput=${set("value")} />
    <div class="columns">
      <${Field} label="Times" hint="always, if empty"><input name="times" inputmode="numeric" value=${wanted.times} onInput=${set("times")} /></>
      <${Field} label="Rate" hint="0 to 1; 1, if empty"><input name="rate" inputmode="decimal" value=${wanted.rate} onInput=${set("rate")} /></>
    </div>
    <p class="error" role="alert">${error && html`<${Text} value=${error} />`}</p>
    <footer><button type="submit" class="primary">Add fault</button></footer>
  </form>`;
}

function Effect({ wanted, operations, onInput }) {
  const { effect, value } = wanted;
  const input = { name: "value", value, onInput, required: true, autocomplete: "off" };
  if (effect === "outcome") {
    const meant = operations.filter(({ name }) => !wanted.operation || name === wanted.operation);
    const outcomes = [...new Set(meant.flatMap(({ rows }) => rows.map((each) => each.outcome)))];
    return html`<${Field} label="Outcome" hint="such as 5134 or operation/5134">
      <input list="outcomes" ...${input} />
      <datalist id="outcomes">${outcomes.map((each) => html`<option key=${each} value=${each} />`)}</datalist>
    </>`;
  }
  if (effect === "delay") return html`<${Field} label="Milliseconds" hint="up to 60000"><input inputmode="numeric" ...${input} /></>`;
  if (effect === "page") return html`<${Field} label="HTTP status" hint="400 to 599"><input inputmode="numeric" ...${input} /></>`;
  if (effect === "drop") {
    return html`<${Field} label="When">
      <select name="value" value=${value || "request"} onChange=${onInput}>
        <option value="request">before the request is carried out</option>
        <option value="reply">after it, instead of the reply</option>
      </select>
    </>`;
  }
  if (effect === "patch") {
    return html`<${Field} label="Patch" hint=${'JSON with set, remove or text: {"set": {"/data": null}, "remove": ["/msg"]}'}>
      <textarea rows="4" spellcheck="false" ...${input} />
    </>`;
  }
  return null;
}

/** The fault in the format of the control plane, which says what is wrong with it. */
function bodyOf({ operation, effect, value, times, rate }) {
  const body = { [effect]: valueOf(effect, value) };
  if (operation) body.operation = operation;
  if (times.trim()) body.times = number(times);
  if (rate.trim()) body.rate = number(rate);
  return body;
}

function valueOf(effect, value) {
  if (effect === "broken") return true;
  if (effect === "drop") return value || "request";
  if (effect === "outcome") return value.trim();
  if (effect !== "patch") return number(value);
  try {
    return JSON.parse(value);
  } catch {
    throw new Error('The patch must be JSON, such as {"set": {"/data": null}}.');
  }
}

/** The number that was typed; the text itself where it is none, which the mock then refuses with a reason. */
const number = (text) => (Number.isFinite(Number(text)) && text.trim() ? Number(text) : text);

function effectOf({ outcome, delay, page, drop, broken, patch }) {
  const effects = [
    outcome && `outcome ${outcome}`,
    page && `HTML page ${page}`,
    drop && `drop the ${drop}`,
    broken && "broken JSON",
    patch && "patched body",
    delay && `${delay} ms late`,
  ];
  return effects.filter(Boolean).join(", ");
}

const left = ({ times, rate = 1 }) =>
  [times === undefined ? "always" : `${count(times, "time")} left`, rate < 1 && `${rate * 100} % of the requests`].filter(Boolean).join(", ");
