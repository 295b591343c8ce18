/** The decision tables: the rows of each operation, and how often each has answered in this world. */

import { html, useState } from "./preact.js";
import { codeOf, shortLine } from "./format.js";
import { Empty, Outcome, Sidebar, Text } from "./elements.js";
import { useOperations } from "./reading.js";

export function Decisions() {
  const operations = useOperations();
  const [chosen, setChosen] = useState(null);
  if (operations === null) return html`<${Empty}>Loading…</>`;
  if (operations.length === 0) return html`<${Empty}>The contract has no operations.</>`;
  const operation = operations.find((each) => each.name === chosen) ?? operations[0];
  return html`<div class="sided">
    <${Sidebar}
      label="Operations"
      items=${operations.map(({ name, answered }) => ({ name, note: answered.toLocaleString("en") }))}
      chosen=${operation.name}
      onChoose=${setChosen}
    />
    <section class="pane" aria-label=${operation.name}>
      <header class="head">
        <h2>${operation.name}</h2>
        <p class="facts">
          <span><b>${operation.method}</b> <span class="code">${operation.path}</span></span>
          ${operation.summary && html`<span><${Text} value=${operation.summary} /></span>`}
          <span>${seen(operation)}</span>
        </p>
      </header>
      <div class="scroll">
        <table class="grid rules">
          <thead>
            <tr>
              <th scope="col" class="number">Row</th>
              <th scope="col">Outcome</th>
              <th scope="col" class="number">Answered</th>
              <th scope="col">Condition</th>
              <th scope="col">Line</th>
            </tr>
          </thead>
          <tbody>
            ${operation.rows.map((row) => html`<${Row} key=${row.row} row=${row} />`)}
          </tbody>
        </table>
      </div>
    </section>
  </div>`;
}

function Row({ row }) {
  return html`<tr class=${row.answered ? "" : "unused"}>
    <td class="number">${row.row}</td>
    <td>
      <${Outcome} outcome=${row.outcome} kind=${row.kind} short />
      <span class="aside">${row.kind}${row.status !== 200 && codeOf(row.outcome) !== String(row.status) ? `, HTTP ${row.status}` : ""}</span>
    </td>
    <td class="number"><b>${row.answered.toLocaleString("en")}</b></td>
    <td>
      <${Text} class="code" value=${row.holds} />
      ${row.why && html`<div class="aside"><${Text} value=${row.why} /></div>`}
    </td>
    <td class="code aside" title=${row.line}>${shortLine(row.line)}</td>
  </tr>`;
}

function seen({ rows }) {
  const outcomes = new Set(rows.map((each) => each.outcome));
  const answered = new Set(rows.filter((each) => each.answered).map((each) => each.outcome));
  return `${answered.size} of ${outcomes.size} outcomes seen in this world`;
}
