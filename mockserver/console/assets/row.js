/** The dialog in which a row is added or changed. */

import { html, useState } from "./preact.js";
import { call } from "./api.js";
import { asTime, plain } from "./format.js";
import { Field, FormDialog, Text, usePage } from "./elements.js";

const REDACTED = "[redacted]";

/** `row.id` is null for a new row. Only columns that were changed are sent. */
export function RowDialog({ table, row, path, onClose }) {
  const { live, notify } = usePage();
  const adding = row.id === null;
  const [inputs, setInputs] = useState(() => Object.fromEntries(table.columns.map((each) => [each.name, begun(each, row, adding)])));
  const change = (name, changes) => setInputs((before) => ({ ...before, [name]: { ...before[name], ...changes, touched: true } }));
  const submit = async () => {
    const body = {};
    for (const column of table.columns) {
      const input = inputs[column.name];
      if (input.touched) body[column.name] = input.none ? null : sent(column, input.text);
    }
    await (adding ? call("POST", path, { body }) : call("PATCH", `${path}/${row.id}`, { body }));
    await live.refresh();
    notify(adding ? "The row is added." : "The row is changed.");
  };
  return html`<${FormDialog}
    title=${adding ? `Add a row to ${table.table}` : `Change a row of ${table.table}`}
    label=${adding ? "Add" : "Save"}
    submit=${submit}
    onClose=${onClose}
    wide
  >
    ${table.columns.map(
      (column) => html`<${ColumnField}
        key=${column.name}
        column=${column}
        fixed=${!adding && table.key.includes(column.name)}
        input=${inputs[column.name]}
        onChange=${(changes) => change(column.name, changes)}
      />`,
    )}
  </>`;
}

function ColumnField({ column, fixed, input, onChange }) {
  const hints = [column.type, column.required && "required", fixed && "part of the key, which stays", column.secret && "secret"];
  const label = html`${column.name} <span class="aside">${hints.filter(Boolean).join(", ")}</span>`;
  return html`<div class="column">
    <${Field} label=${label} hint=${hintFor(column, input)}>
      <${Control} column=${column} fixed=${fixed} input=${input} onChange=${onChange} />
    </>
    ${!column.required &&
    !fixed &&
    html`<label class="check">
      <input type="checkbox" checked=${input.none} onChange=${(event) => onChange({ none: event.target.checked })} />
      none
    </label>`}
  </div>`;
}

function Control({ column, fixed, input, onChange }) {
  const shared = { name: column.name, disabled: fixed || input.none };
  if (column.type === "boolean") {
    return html`<select ...${shared} value=${input.text} onChange=${(event) => onChange({ text: event.target.value })}>
      ${input.text === "" && html`<option value=""></option>`}
      <option value="true">true</option>
      <option value="false">false</option>
    </select>`;
  }
  const typed = { ...shared, value: input.text, onInput: (event) => onChange({ text: event.target.value }) };
  const placeholder = input.redacted ? "hidden; type a new value to replace it" : "";
  const long = input.text.length > 60 || input.text.includes("\n") || ["object", "array"].includes(column.type);
  if (long) return html`<textarea rows="3" placeholder=${placeholder} ...${typed} />`;
  return html`<input
    type="text"
    autocomplete="off"
    spellcheck="false"
    placeholder=${placeholder}
    inputmode=${column.type === "integer" ? "numeric" : undefined}
    ...${typed}
  />`;
}

function hintFor(column, input) {
  const time = ["integer", "number"].includes(column.type) ? asTime(input.text) : "";
  if (time) return html`<time>${time}</time>`;
  const { default: standard } = column;
  return standard === undefined || standard === null ? "" : html`default: <${Text} value=${plain(standard)} />`;
}

function begun(column, row, adding) {
  const value = row.values[column.name];
  const redacted = value === REDACTED;
  const absent = value === null || value === undefined;
  return { text: absent || redacted ? "" : plain(value), none: !adding && absent, redacted, touched: false };
}

/** What a text means in a column. An integer goes as text, so that none of its digits are lost on the way. */
function sent(column, text) {
  if (column.type === "boolean") return text === "true";
  if (column.type === "integer") return text.trim();
  if (["number", "object", "array"].includes(column.type)) {
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`${column.name} must be ${column.type === "number" ? "a number" : `a JSON ${column.type}`}.`);
    }
  }
  return text;
}
