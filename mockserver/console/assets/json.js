/** A JSON value as indented, coloured text. */

import { html, useMemo, useState } from "./preact.js";
import { languageOf, visible } from "./format.js";
import { Button } from "./elements.js";

/** Lines beyond which only the beginning is drawn, until somebody asks for all. */
const MOST_LINES = 300;

export function Json({ value }) {
  const [all, setAll] = useState(false);
  const lines = useMemo(() => [...linesOf(value, 0, "")], [value]);
  const shown = all ? lines : lines.slice(0, MOST_LINES);
  return html`<div>
    <pre class="json">${shown}</pre>
    ${shown.length < lines.length && html`<${Button} onClick=${() => setAll(true)}>Show all ${lines.length} lines</>`}
  </div>`;
}

function* linesOf(value, depth, end, name) {
  const before = [
    "  ".repeat(depth),
    name === undefined ? "" : html`<span class="name"><${Quoted} text=${name} /></span>`,
    name === undefined ? "" : ": ",
  ];
  if (value === null || typeof value !== "object" || Object.keys(value).length === 0) {
    yield html`<span>${before}<${Scalar} value=${value} />${end}${"\n"}</span>`;
    return;
  }
  const list = Array.isArray(value);
  yield html`<span>${before}${list ? "[" : "{"}${"\n"}</span>`;
  const members = Object.entries(value);
  for (const [index, [key, each]] of members.entries()) {
    yield* linesOf(each, depth + 1, index < members.length - 1 ? "," : "", list ? undefined : key);
  }
  yield html`<span>${"  ".repeat(depth)}${list ? "]" : "}"}${end}${"\n"}</span>`;
}

function Scalar({ value }) {
  if (typeof value === "string") return html`<span class="string"><${Quoted} text=${value} /></span>`;
  if (value !== null && typeof value === "object") return Array.isArray(value) ? "[]" : "{}";
  return html`<span class=${value === null ? "null" : typeof value}>${String(value)}</span>`;
}

function Quoted({ text }) {
  return html`<bdi lang=${languageOf(text)}>${visible(JSON.stringify(text))}</bdi>`;
}
