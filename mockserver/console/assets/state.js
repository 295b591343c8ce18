/** The rows of a world, and its snapshots. */

import { html, useState } from "./preact.js";
import { call, worldPath } from "./api.js";
import { count } from "./format.js";
import { Button, Empty, Sidebar, Value, usePage } from "./elements.js";
import { useReading } from "./reading.js";
import { RowDialog } from "./row.js";

/** Rows on a page. */
const PAGE = 100;

export function State() {
  const { live } = usePage();
  const tables = useReading(`${worldPath(live.name)}/tables`, live.turn);
  const [chosen, setChosen] = useState(null);
  if (tables === null) return html`<${Empty}>Loading…</>`;
  const table = tables.find((each) => each.table === chosen) ?? tables[0];
  return html`<div class="sided">
    <div class="side">
      ${table &&
      html`<${Sidebar}
        label="Tables"
        items=${tables.map(({ table: name, rows }) => ({ name, note: rows.toLocaleString("en") }))}
        chosen=${table.table}
        onChoose=${setChosen}
      />`}
      <${Snapshots} />
    </div>
    ${table ? html`<${Rows} key=${table.table} table=${table} />` : html`<${Empty}>The contract has no tables.</>`}
  </div>`;
}

function Snapshots() {
  const { live, attempt, confirm } = usePage();
  const path = `${worldPath(live.name)}/snapshots`;
  const snapshots = useReading(path, live.turn);
  const change = (method, rest, done) =>
    attempt(async () => {
      await call(method, `${worldPath(live.name)}${rest}`);
      await live.refresh();
    }, done);
  const reset = async () => {
    if (await confirm(`Reset world ${live.name} to its origin? Its rows, faults and journal are replaced.`, "Reset")) {
      await change("POST", "/reset", "The world is as it was at the start.");
    }
  };
  return html`<section class="snapshots" aria-label="Snapshots">
    <h3>Snapshots</h3>
    <ul>
      ${(snapshots ?? []).map(
        ({ snapshot }) => html`<li key=${snapshot}>
          <span class="code">${snapshot}</span>
          <${Button}
            kind="quiet"
            aria-label=${`Restore ${snapshot}`}
            onClick=${() => change("POST", `/snapshots/${snapshot}/restore`, `Snapshot ${snapshot} is restored.`)}
          >
            Restore
          </>
          <${Button}
            kind="quiet icon"
            aria-label=${`Delete snapshot ${snapshot}`}
            onClick=${() => change("DELETE", `/snapshots/${snapshot}`)}
          >
            ✕
          </>
        </li>`,
      )}
    </ul>
    <div class="buttons">
      <${Button} onClick=${() => change("POST", "/snapshots")}>Take snapshot</>
      <${Button} kind="danger" onClick=${reset}>Reset world</>
    </div>
  </section>`;
}

function Rows({ table }) {
  const { live, attempt, confirm } = usePage();
  const [offset, setOffset] = useState(0);
  const [edited, setEdited] = useState(null);
  const path = `${worldPath(live.name)}/rows/${encodeURIComponent(table.table)}`;
  const page = useReading(`${path}?offset=${offset}&limit=${PAGE}`, live.turn);
  const remove = async (row) => {
    const named = table.key.map((column) => `${column} ${row.values[column]}`).join(", ");
    if (!(await confirm(`Delete the row of ${table.table} with ${named}?`, "Delete"))) return;
    await attempt(async () => {
      await call("DELETE", `${path}/${row.id}`);
      await live.refresh();
    }, "The row is deleted.");
  };
  return html`<section class="pane" aria-label=${table.table}>
    <header class="head">
      <h2>${table.table}</h2>
      <div class="buttons"><${Button} kind="primary" onClick=${() => setEdited({ id: null, values: {} })}>Add a row</></div>
    </header>
    <div class="scroll">
      ${page === null ? html`<${Empty}>Loading…</>` : html`<${Grid} table=${table} rows=${page.rows} onEdit=${setEdited} onDelete=${remove} />`}
    </div>
    ${page && html`<${Pager} offset=${offset} shown=${page.rows.length} total=${page.total} onMove=${setOffset} />`}
    ${edited && html`<${RowDialog} table=${table} row=${edited} path=${path} onClose=${() => setEdited(null)} />`}
  </section>`;
}

function Grid({ table, rows, onEdit, onDelete }) {
  if (rows.length === 0) return html`<${Empty}>No rows.</>`;
  return html`<table class="grid data">
    <thead>
      <tr>
        ${table.columns.map(
          (column) => html`<th scope="col" key=${column.name}>
            ${column.name}${table.key.includes(column.name) && html` <span class="key" title="part of the key">key</span>`}
            <span class="aside">${column.type}</span>
          </th>`,
        )}
        <th scope="col"><span class="unseen">Actions</span></th>
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) => html`<tr key=${row.id}>
          ${table.columns.map(({ name }) => html`<td key=${name}><${Value} value=${row.values[name]} /></td>`)}
          <td class="actions">
            <div class="buttons">
              <${Button} kind="quiet" onClick=${() => onEdit(row)}>Edit</>
              <${Button} kind="quiet" onClick=${() => onDelete(row)}>Delete</>
            </div>
          </td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}

function Pager({ offset, shown, total, onMove }) {
  return html`<div class="foot">
    <span role="status">
      ${total <= PAGE && offset === 0 ? count(total, "row") : `${offset + 1} to ${offset + shown} of ${count(total, "row")}`}
    </span>
    ${(total > PAGE || offset > 0) &&
    html`<span class="buttons">
      <${Button} disabled=${offset === 0} onClick=${() => onMove(Math.max(0, offset - PAGE))}>Previous</>
      <${Button} disabled=${offset + shown >= total} onClick=${() => onMove(offset + PAGE)}>Next</>
    </span>`}
  </div>`;
}
