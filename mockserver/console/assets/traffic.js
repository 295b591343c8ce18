/** The live list of requests: newest first, filtered, with the chosen entry beside it. */

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./preact.js";
import { call, worldPath } from "./api.js";
import { count, kindOf, milliseconds, plain, timeOfDay } from "./format.js";
import { Button, Empty, Outcome, Text, usePage } from "./elements.js";
import { EntryPane } from "./entry.js";

/** Pixels; `.entries .row` in the style sheet has the same. */
const ROW = 30;
/** Rows that are drawn above and below those in sight. */
const MARGIN = 8;

/** Characters of the parameters of a request in the list. */
const LONGEST = 200;

const KINDS = ["documented", "assumed", "permitted", "fault"];

/** What the page keeps while another tab is shown. */
export const traffic = { text: "", operation: "", kind: "", chosen: null, paused: null };

export function Traffic() {
  const { live, attempt } = usePage();
  const [, setTurn] = useState(0);
  const set = (changes) => {
    Object.assign(traffic, changes);
    setTurn((turn) => turn + 1);
  };
  const entries = traffic.paused ?? live.entries;
  const operations = useMemo(() => [...new Set(entries.map((each) => each.operation))].sort(), [live.version, traffic.paused]);
  const found = useMemo(
    () => matching(entries, traffic),
    [live.version, traffic.paused, traffic.text, traffic.operation, traffic.kind],
  );
  const waiting = traffic.paused ? newer(live.entries, traffic.paused) : 0;
  const clear = () =>
    attempt(async () => {
      await call("DELETE", `${worldPath(live.name)}/journal`);
      set({ chosen: null, paused: null });
    }, "The journal is empty.");
  return html`<div class=${`split ${traffic.chosen ? "chosen" : ""}`}>
    <section class="pane entries" aria-label="Requests">
      <div class="bar">
        <input
          id="filter"
          type="search"
          placeholder="Filter   ( / )"
          aria-label="Filter by any text"
          value=${traffic.text}
          onInput=${(event) => set({ text: event.target.value })}
        />
        <select aria-label="Operation" value=${traffic.operation} onChange=${(event) => set({ operation: event.target.value })}>
          <option value="">all operations</option>
          ${operations.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
        </select>
        <select aria-label="Kind" value=${traffic.kind} onChange=${(event) => set({ kind: event.target.value })}>
          <option value="">all kinds</option>
          ${KINDS.map((kind) => html`<option key=${kind} value=${kind}>${kind}</option>`)}
        </select>
        <${Button}
          id="pause"
          aria-pressed=${traffic.paused !== null}
          onClick=${() => set({ paused: traffic.paused ? null : [...live.entries] })}
        >
          ${traffic.paused ? `Resume${waiting ? ` (${waiting} new)` : ""}` : "Pause"}
        </>
        <${Button} onClick=${clear}>Clear</>
      </div>
      <${Entries} entries=${found} chosen=${traffic.chosen} onChoose=${(chosen) => set({ chosen })} />
      <div class="foot" role="status">${summary(found.length, entries.length)}</div>
    </section>
    <${EntryPane} entry=${traffic.chosen} onClose=${() => set({ chosen: null })} onShow=${(chosen) => set({ chosen })} />
  </div>`;
}

/** A listbox of which only the rows in sight are in the document. `entries` has the oldest first; the newest is shown on top. */
function Entries({ entries, chosen, onChoose }) {
  const box = useRef();
  const [sight, setSight] = useState({ top: 0, height: 600 });
  const newest = entries.at(-1)?.number ?? 0;
  const before = useRef(newest);
  const look = () => setSight({ top: box.current.scrollTop, height: box.current.clientHeight });
  useEffect(() => {
    const observer = new ResizeObserver(look);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  // Who reads further down keeps the same rows in sight while new ones arrive on top.
  useLayoutEffect(() => {
    const added = entries.length - entries.findLastIndex((each) => each.number <= before.current) - 1;
    if (box.current.scrollTop > 0 && newest > before.current) box.current.scrollTop += added * ROW;
    before.current = newest;
  }, [newest]);

  const size = entries.length;
  const index = chosen ? entries.findLastIndex((each) => each.number === chosen.number) : -1;
  const place = index < 0 ? -1 : size - 1 - index;
  const first = Math.max(0, Math.floor(sight.top / ROW) - MARGIN);
  const last = Math.min(size, Math.ceil((sight.top + sight.height) / ROW) + MARGIN);
  const choose = (position) => {
    const next = Math.max(0, Math.min(size - 1, position));
    if (size === 0) return;
    onChoose(entries[size - 1 - next]);
    const top = next * ROW;
    const { scrollTop, clientHeight } = box.current;
    if (top < scrollTop) box.current.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) box.current.scrollTop = top + ROW - clientHeight;
  };
  const pressed = (event) => {
    const page = Math.max(1, Math.floor(sight.height / ROW) - 1);
    const steps = { ArrowDown: place + 1, ArrowUp: place - 1, PageDown: place + page, PageUp: place - page, Home: 0, End: size - 1 };
    if (event.key === "Enter") document.getElementById("detail")?.focus();
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(steps[event.key]);
  };
  const rows = [];
  for (let position = first; position < last; position += 1) {
    const entry = entries[size - 1 - position];
    rows.push(html`<${Row} key=${entry.number} ...${{ entry, position, size, chosen: position === place, onChoose }} />`);
  }
  return html`<div
    class="rows"
    id="entries"
    role="listbox"
    tabindex="0"
    aria-label="Requests, newest first"
    aria-activedescendant=${place >= first && place < last ? `entry-${chosen.number}` : undefined}
    ref=${box}
    onScroll=${look}
    onKeyDown=${pressed}
  >
    ${size === 0 && html`<${Empty}>No request yet, or none that the filter accepts.</>`}
    <div class="all" role="presentation" style=${{ height: `${size * ROW}px` }}>${rows}</div>
  </div>`;
}

function Row({ entry, position, size, chosen, onChoose }) {
  return html`<div
    class="row"
    id=${`entry-${entry.number}`}
    role="option"
    aria-selected=${chosen}
    aria-setsize=${size}
    aria-posinset=${position + 1}
    style=${{ top: `${position * ROW}px` }}
    onClick=${() => onChoose(entry)}
  >
    <span class="time">${timeOfDay(entry.at)}</span>
    <${Outcome} outcome=${entry.outcome ?? `${entry.operation}/${entry.status || "dropped"}`} kind=${kindOf(entry)} />
    <span class="changes">${changed(entry.changes)}</span>
    <span class="sent">${sent(entry.request)}</span>
    <span class="ms">${milliseconds(entry.milliseconds)}<span class="unit"> ms</span></span>
    ${entry.tainted && html`<span class="mark" title="tainted: a fault forced or changed this reply">tainted</span>`}
  </div>`;
}

/** The parameters in one line; the path where there are none. */
function sent({ method, path, parameters }) {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== "[redacted]");
  const text = pairs.length ? pairs.map(([name, value]) => `${name}=${plain(value)}`).join("  ") : `${method} ${path}`;
  return html`<${Text} value=${text.slice(0, LONGEST)} />`;
}

function changed(changes) {
  const signs = { "+": 0, "~": 0, "−": 0 };
  for (const { before, after } of changes) signs[before === null ? "+" : after === null ? "−" : "~"] += 1;
  return Object.entries(signs)
    .filter(([, number]) => number)
    .map(([sign, number]) => `${sign}${number}`)
    .join(" ");
}

function matching(entries, { text, operation, kind }) {
  if (!text && !operation && !kind) return entries;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter(
    (each) =>
      (!operation || each.operation === operation) &&
      (!kind || kindOf(each) === kind) &&
      (!words.length || words.every((word) => searched(each).includes(word))),
  );
}

const searchedTexts = new WeakMap();

/** What a filter looks into, made when an entry is first looked at. */
function searched(entry) {
  let text = searchedTexts.get(entry);
  if (text === undefined) {
    const { outcome, operation, status, request, changes, reply } = entry;
    text = plain([outcome, operation, status, request, changes, reply]).toLowerCase();
    searchedTexts.set(entry, text);
  }
  return text;
}

function newer(entries, shown) {
  const last = shown.at(-1)?.number ?? 0;
  return entries.length - entries.findLastIndex((each) => each.number <= last) - 1;
}

const summary = (found, all) => (found === all ? count(all, "request") : `${found.toLocaleString("en")} of ${count(all, "request")}`);
