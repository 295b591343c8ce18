/** The phases of the rows of a table, and what leads from one to another. */

import { html, useMemo, useState } from "./preact.js";
import { worldPath } from "./api.js";
import { Empty, Sidebar, Text, usePage } from "./elements.js";
import { layout } from "./layout.js";
import { useReading } from "./reading.js";

/** Width of a character and height of a line in the diagram's fixed-width font, in pixels. */
const [CHARACTER, LINE] = [7.3, 15];
const MARGIN = 8;
/** Where a row comes from, and where it goes to when it is deleted. */
const [START, END] = ["●", "◎"];
const ENDS = new Map([
  [START, "start"],
  [END, "end"],
]);

export function Lifecycle() {
  const { live } = usePage();
  const found = useReading(`${worldPath(live.name)}/lifecycle`, 0);
  const [chosen, setChosen] = useState(null);
  if (found === null) return html`<${Empty}>Loading…</>`;
  if (found.tables.length === 0) return html`<${Empty}>No table of the contract has phases.</>`;
  const table = found.tables.find((each) => each.table === chosen) ?? found.tables[0];
  return html`<div class="sided">
    <${Sidebar}
      label="Tables"
      items=${found.tables.map(({ table: name, phases }) => ({ name, note: phases.length }))}
      chosen=${table.table}
      onChoose=${setChosen}
    />
    <section class="pane" aria-label=${`Life of a row of ${table.table}`}>
      <header class="head"><h2>Life of a row of ${table.table}</h2></header>
      <div class="life">
        <${Diagram} table=${table} />
        <${List} table=${table} />
      </div>
    </section>
  </div>`;
}

function Diagram({ table }) {
  const graph = useMemo(() => {
    const edges = merged(table.transitions);
    const ends = edges.flatMap(({ from, to }) => [from, to]).sort((one) => (one === START ? -1 : 0));
    return layout([...new Set([...ends, ...table.phases.map((each) => each.name)])], edges, sizeOf);
  }, [table]);
  const [width, height] = [graph.width + 2 * MARGIN, graph.height + 2 * MARGIN];
  return html`<div class="scroll">
    <svg
      class="diagram"
      viewBox=${`${-MARGIN} ${-MARGIN} ${width} ${height}`}
      width=${width}
      height=${height}
      role="img"
      aria-label="Diagram of the list that follows"
    >
      <defs>
        <marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse">
          <path d="M0 0 L8 4 L0 8 z" />
        </marker>
      </defs>
      ${graph.edges.map(({ points }) => html`<path class="edge" d=${curve(points)} marker-end="url(#arrow)" />`)}
      ${graph.edges.map(({ label, labels }) => html`<${Label} texts=${labels} box=${label} />`)}
      ${graph.nodes.map((node) => html`<${Node} node=${node} />`)}
    </svg>
  </div>`;
}

function Node({ node: { name, x, y, w, h } }) {
  if (ENDS.has(name)) return html`<circle class=${ENDS.get(name)} cx=${x + w / 2} cy=${y + h / 2} r="6" />`;
  return html`<g class="phase">
    <rect x=${x} y=${y} width=${w} height=${h} rx=${h / 2} />
    <text x=${x + w / 2} y=${y + h / 2} text-anchor="middle" dominant-baseline="central">${name}</text>
  </g>`;
}

function Label({ texts, box: { x, y, w, h } }) {
  return html`<g class="label">
    <rect x=${x} y=${y} width=${w} height=${h} />
    ${texts.map((text, index) => {
      const middle = y + (index + 0.5) * LINE;
      return html`<text x=${x + w / 2} y=${middle} text-anchor="middle" dominant-baseline="central">${text}</text>`;
    })}
  </g>`;
}

function List({ table }) {
  return html`<div class="listed">
    <div>
      <h3>Phases</h3>
      <dl>
        ${table.phases.map(({ name, why }) => html`<div key=${name}><dt>${name}</dt><dd><${Text} class="code" value=${why} /></dd></div>`)}
      </dl>
    </div>
    <div>
      <h3>Transitions</h3>
      <ul>
        ${merged(table.transitions).map(
          ({ from, to, labels }) => html`<li key=${`${from} ${to}`}>
            <b>${ENDS.get(from) ?? from}</b> → <b>${ENDS.get(to) ?? to}</b>
            <span class="aside"> by ${labels.join(", ")}</span>
          </li>`,
        )}
      </ul>
    </div>
  </div>`;
}

/** One edge for each pair of phases, with all that leads from one to the other. */
function merged(transitions) {
  const found = new Map();
  for (const { from, to, by } of transitions) {
    const [start, end] = [from ?? START, to ?? END];
    const key = JSON.stringify([start, end]);
    const edge = found.get(key) ?? { from: start, to: end, labels: [] };
    if (!edge.labels.includes(by)) edge.labels.push(by);
    found.set(key, edge);
  }
  return [...found.values()];
}

function sizeOf(texts, isLabel) {
  if (!isLabel && ENDS.has(texts[0])) return { w: 12, h: 12 };
  const w = Math.max(...texts.map((text) => text.length)) * CHARACTER;
  return isLabel ? { w: w + 6, h: texts.length * LINE } : { w: w + 28, h: 28 };
}

/** A line through points that leaves and reaches each of them horizontally. */
function curve([[x, y], ...rest]) {
  let path = `M${x} ${y}`;
  for (const [nextX, nextY] of rest) {
    const middle = (x + nextX) / 2;
    path += ` C${middle} ${y} ${middle} ${nextY} ${nextX} ${nextY}`;
    [x, y] = [nextX, nextY];
  }
  return path;
}
