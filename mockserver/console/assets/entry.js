/** One request with its answer: why, what was sent, what came back, what changed. */

import { html, useEffect, useRef } from "./preact.js";
import { call, worldPath } from "./api.js";
import { codeOf, count, kindOf, milliseconds, plain, readable, shortLine } from "./format.js";
import { Button, Copy, Empty, Outcome, Text, Value, usePage } from "./elements.js";
import { Json } from "./json.js";

/** The pane beside a list. `onShow` gets the entry of a request that was sent again. */
export function EntryPane({ entry, onClose, onShow, empty = "Choose a request to see why the mock answered as it did." }) {
  const pane = useRef();
  useEffect(() => {
    if (pane.current) pane.current.scrollTop = 0;
  }, [entry?.number]);
  const pressed = (event) => {
    if (event.key === "Escape") onClose();
  };
  return html`<section class="pane detail" id="detail" tabindex="-1" aria-label="Chosen request" ref=${pane} onKeyDown=${pressed}>
    ${entry ? html`<${Entry} key=${entry.number} entry=${entry} onClose=${onClose} onShow=${onShow} />` : html`<${Empty}>${empty}</>`}
  </section>`;
}

function Entry({ entry, onClose, onShow }) {
  const { live, attempt } = usePage();
  const { request } = entry;
  const replay = () => attempt(async () => onShow(await call("POST", `${worldPath(live.name)}/journal/${entry.number}/replay`)));
  return html`<article>
    <header class="head">
      <h2><${Outcome} outcome=${entry.outcome ?? `${entry.operation}/${entry.status || "dropped"}`} kind=${kindOf(entry)} /></h2>
      <div class="buttons">
        ${entry.curl && html`<${Copy} text=${entry.curl}>Copy as curl</>`}
        <${Button} onClick=${replay}>Replay</>
        <${Button} kind="quiet icon" aria-label="Close the request" onClick=${onClose}>✕</>
      </div>
    </header>
    <p class="facts">
      <span><b>${request.method}</b> <${Text} class="code" value=${request.path} /></span>
      <span>HTTP ${entry.status || "none: the connection was closed"}</span>
      <span><time>${readable(entry.at)} UTC</time></span>
      <span>${milliseconds(entry.milliseconds)} ms</span>
      <span>entry ${entry.number}</span>
    </p>
    ${entry.fault && html`<${Fault} fault=${entry.fault} tainted=${entry.tainted} />`}
    <h3>Why</h3>
    <${Why} entry=${entry} />
    <h3>Request</h3>
    <${Sent} request=${request} />
    <h3>Reply</h3>
    <${Json} value=${entry.reply} />
    <h3>Changes of the state</h3>
    ${entry.changes.length ? entry.changes.map((each) => html`<${Change} change=${each} />`) : html`<p class="aside">None.</p>`}
  </article>`;
}

function Fault({ fault, tainted }) {
  const { id, ...rest } = fault;
  return html`<p class="notice warn">
    ${tainted ? "Tainted: a fault forced or changed this reply. " : "A fault delayed this reply. "}
    <code>${plain(id ? fault : rest)}</code>
  </p>`;
}

function Why({ entry }) {
  const { rule, reasons } = entry;
  if (!rule) return html`<p class="aside">No row of the decision table answered.</p>`;
  const passed = reasons.slice(0, -1);
  return html`<div class="why">
    <p class="facts">
      <span class="tag" data-kind=${rule.kind}>${rule.kind}</span>
      <span>row ${rule.row}</span>
      <span class="code" title=${rule.line}>${shortLine(rule.line)}</span>
    </p>
    <p class="condition"><${Text} class="code" value=${rule.holds} /></p>
    ${rule.why && html`<p><${Text} value=${rule.why} /></p>`}
    ${reasons.length > 0 && html`<p class="values"><${Text} value=${valuesOf(reasons.at(-1))} /></p>`}
    ${passed.length > 0 &&
    html`<details open=${passed.length <= 6}>
      <summary>${count(passed.length, "row")} before it did not answer</summary>
      <ol class="passed">
        ${passed.map((reason) => html`<${Passed} reason=${reason} />`)}
      </ol>
    </details>`}
  </div>`;
}

const REASON = /^(\S+): (.*?) (holds|does not hold)(?:: |, )(.*)$/s;

const valuesOf = (reason) => REASON.exec(reason)?.[4] ?? "";

/** A reason as the mock writes it: `outcome: condition does not hold: values`. */
function Passed({ reason }) {
  const [, outcome, condition, , values] = REASON.exec(reason) ?? [null, "", reason, "", ""];
  return html`<li>
    <span class="code">${outcome && codeOf(outcome)}</span>
    <span><${Text} class="code" value=${condition} />${values && html`<br /><${Text} class="values" value=${values} />`}</span>
  </li>`;
}

function Sent({ request }) {
  const parameters = Object.entries(request.parameters);
  return html`<div>
    ${parameters.length
      ? html`<table class="pairs">
          <tbody>
            ${parameters.map(([name, value]) => html`<tr key=${name}>
              <th scope="row"><${Text} value=${name} /></th>
              <td><${Value} value=${value} /></td>
            </tr>`)}
          </tbody>
        </table>`
      : html`<p class="aside">No parameters.</p>`}
    <${Pairs} title="Query as it was sent" pairs=${request.query} />
    <${Pairs} title="Form as it was sent" pairs=${request.form} />
  </div>`;
}

function Pairs({ title, pairs }) {
  if (!pairs?.length) return null;
  return html`<details>
    <summary>${title}</summary>
    <ul class="sent">
      ${pairs.map(([name, value]) => html`<li><${Text} class="code" value=${`${name}=${value}`} /></li>`)}
    </ul>
  </details>`;
}

function Change({ change: { table, before, after } }) {
  const verb = before === null ? "added to" : after === null ? "deleted from" : "changed in";
  const columns = Object.keys(after ?? before);
  const differing = columns.filter((each) => plain(before?.[each] ?? null) !== plain(after?.[each] ?? null));
  const same = columns.filter((each) => !differing.includes(each) && (after ?? before)[each] !== null);
  return html`<div class="change">
    <p><span class="tag" data-change=${verb}>${verb}</span> <b>${table}</b></p>
    <table class="pairs">
      <tbody>
        ${differing.map((name) => html`<tr key=${name}>
          <th scope="row">${name}</th>
          <td>
            ${before && html`<del><${Value} value=${before[name]} /></del>`}
            ${before && after && html`<span class="arrow" aria-label="becomes">→</span>`}
            ${after && html`<ins><${Value} value=${after[name]} /></ins>`}
          </td>
        </tr>`)}
      </tbody>
    </table>
    ${same.length > 0 &&
    html`<details>
      <summary>${count(same.length, "column")} without a change</summary>
      <table class="pairs">
        <tbody>
          ${same.map((name) => html`<tr key=${name}>
            <th scope="row">${name}</th>
            <td><${Value} value=${(after ?? before)[name]} /></td>
          </tr>`)}
        </tbody>
      </table>
    </details>`}
  </div>`;
}
