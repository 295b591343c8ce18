/** Every outcome of the contract: a button that gets it, or what the world lacks for it. */

import { html, useState } from "./preact.js";
import { call, worldPath } from "./api.js";
import { codeOf, count } from "./format.js";
import { Button, Copy, Empty, Outcome, Sidebar, Text, usePage } from "./elements.js";
import { EntryPane } from "./entry.js";
import { useOperations, useReading } from "./reading.js";

export function Outcomes() {
  const { live, attempt } = usePage();
  const operations = useOperations();
  const witnesses = useReading(`${worldPath(live.name)}/witnesses`, live.turn, 5000);
  const [chosen, setChosen] = useState(null);
  const [entry, setEntry] = useState(null);
  if (operations === null || witnesses === null) return html`<${Empty}>Loading…</>`;
  if (operations.length === 0) return html`<${Empty}>The contract has no operations.</>`;
  const operation = operations.find((each) => each.name === chosen) ?? operations[0];
  const get = (outcome) =>
    attempt(async () => setEntry(await call("POST", `${worldPath(live.name)}/witnesses`, { body: { outcome } })));
  return html`<div class="sided">
    <${Sidebar}
      label="Operations"
      items=${operations.map(({ name, rows }) => ({ name, note: outcomesOf(rows).length }))}
      chosen=${operation.name}
      onChoose=${(name) => {
        setChosen(name);
        setEntry(null);
      }}
    />
    <div class=${`split ${entry ? "chosen" : ""}`}>
      <section class="pane" aria-label=${operation.name}>
        <header class="head">
          <h2>${operation.name}</h2>
          <p class="facts"><span>${reached(operation, witnesses)}</span></p>
        </header>
        <ul class="cards">
          ${outcomesOf(operation.rows).map(
            (row) => html`<${Card} key=${row.outcome} row=${row} witness=${witnesses[row.outcome]} onGet=${get} />`,
          )}
        </ul>
      </section>
      <${EntryPane} entry=${entry} onClose=${() => setEntry(null)} onShow=${setEntry} empty="Get an outcome to see the request and the reply." />
    </div>
  </div>`;
}

function Card({ row, witness, onGet }) {
  const reachable = witness?.curl !== undefined;
  return html`<li>
    <div>
      <${Outcome} outcome=${row.outcome} kind=${row.kind} short />
      <span class="aside">${row.kind}, ${row.answered ? `answered ${count(row.answered, "time")}` : "not seen yet"}</span>
      ${reachable ? null : html`<p class="lacks"><${Text} value=${witness?.unreachable ?? "The mock knows no request for it."} /></p>`}
    </div>
    <div class="buttons">
      ${reachable && html`<${Copy} kind="quiet" text=${witness.curl}>Copy curl</>`}
      <${Button} disabled=${!reachable} aria-label=${`Get ${codeOf(row.outcome)}`} onClick=${() => onGet(row.outcome)}>Get</>
    </div>
  </li>`;
}

/** For each outcome its first row, with the answers of all its rows. */
function outcomesOf(rows) {
  const found = new Map();
  for (const row of rows) {
    const known = found.get(row.outcome);
    found.set(row.outcome, known ? { ...known, answered: known.answered + row.answered } : row);
  }
  return [...found.values()];
}

function reached(operation, witnesses) {
  const outcomes = outcomesOf(operation.rows);
  const able = outcomes.filter((each) => witnesses[each.outcome]?.curl !== undefined).length;
  return `${able} of ${count(outcomes.length, "outcome")} can be reached in this world`;
}
