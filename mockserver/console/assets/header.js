/** The top of the page: what is served, the world and its clock, links. */

import { html, useEffect, useState } from "./preact.js";
import { call, text, token, worldPath } from "./api.js";
import { Button, Dialog, Field, FormDialog, Menu, Text, usePage } from "./elements.js";
import { Clock } from "./clock.js";
import { nextTheme, theme } from "./theme.js";

const STATUSES = {
  connecting: "connecting",
  live: "live",
  waiting: "connection lost; trying again",
  gone: "this world was deleted",
};

export function Header({ title, worlds, onWorld, onHelp }) {
  const { live } = usePage();
  const names = [...new Set([...worlds.map((each) => each.name), live.name])];
  return html`<header class="top">
    <h1><${Text} value=${title} /></h1>
    <div class="world">
      <select id="world" aria-label="World" value=${live.name} onChange=${(event) => onWorld(event.target.value)}>
        ${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
      </select>
      <${WorldMenu} onWorld=${onWorld} />
      <span class="status" data-status=${live.status} role="status" title=${live.problem}>${STATUSES[live.status]}</span>
    </div>
    <${Clock} />
    <div class="tools">
      <${Links} />
      <${ThemeButton} />
      <${Button} kind="quiet icon" aria-label="Keyboard shortcuts" onClick=${onHelp}>?</>
    </div>
  </header>`;
}

function WorldMenu({ onWorld }) {
  const { live, attempt, confirm } = usePage();
  const [dialog, setDialog] = useState(null);
  const remove = async () => {
    if (!(await confirm(`Delete world ${live.name} with its rows, snapshots and journal?`, "Delete"))) return;
    await attempt(async () => {
      await call("DELETE", worldPath(live.name));
      onWorld("default");
    }, "The world is deleted.");
  };
  const choice = (close, action) => () => {
    close();
    action();
  };
  return html`
    <${Menu} name="Worlds" label="⋯" kind="quiet icon">
      ${(close) => html`<div class="choices">
        <${Button} kind="quiet" onClick=${choice(close, () => setDialog("create"))}>New world…</>
        <${Button} kind="quiet" onClick=${choice(close, () => setDialog("fork"))}>Fork ${live.name}…</>
        <${Button} kind="quiet" disabled=${live.name === "default"} onClick=${choice(close, remove)}>Delete ${live.name}…</>
        ${live.world && html`<p class="aside">Base URL: <${Text} class="code" value=${live.world.url} /></p>`}
      </div>`}
    </>
    ${dialog && html`<${WorldDialog} from=${dialog === "fork" ? live.name : undefined} onWorld=${onWorld} onClose=${() => setDialog(null)} />`}
  `;
}

function WorldDialog({ from, onWorld, onClose }) {
  const submit = async (form) => {
    const world = await call("POST", "/_mock/worlds", { query: { name: form.get("name").trim(), from } });
    onWorld(world.name);
  };
  return html`<${FormDialog} title=${from ? `Fork ${from}` : "New world"} label="Create" submit=${submit} onClose=${onClose}>
    <p class="aside">
      ${from ? `A copy of ${from}: its state, clock and faults.` : "Anew from the world file that the mock was started with."}
    </p>
    <${Field} label="Name" hint="letters, digits, dots, hyphens and underscores"><input name="name" required autofocus autocomplete="off" /></>
  </>`;
}

const LINKS = [
  ["/_mock/docs", "API reference", true],
  ["/_mock/openapi.yaml", "Control plane (OpenAPI)", false],
  ["/_mock/metrics", "Metrics", false],
];

/** A link cannot carry the token, so with one the page fetches the text itself. */
function Links() {
  const { attempt } = usePage();
  const [shown, setShown] = useState(null);
  const follow = (event, path, name) => {
    event.preventDefault();
    attempt(async () => setShown({ name, text: await text(path) }));
  };
  return html`
    <${Menu} name="Links" label="Links" kind="quiet">
      ${() => html`<div class="choices">
        ${LINKS.map(
          ([path, name, isPage]) => html`<a
            key=${path}
            href=${path}
            target="_blank"
            rel="noreferrer"
            onClick=${(event) => !isPage && token() !== null && follow(event, path, name)}
          >
            ${name}
          </a>`,
        )}
      </div>`}
    </>
    ${shown &&
    html`<${Dialog} title=${shown.name} wide onClose=${() => setShown(null)}>
      <pre class="text"><${Text} value=${shown.text} /></pre>
    </>`}
  `;
}

function ThemeButton() {
  const [chosen, setChosen] = useState(theme);
  return html`<${Button} kind="quiet" aria-label=${`Colours: ${chosen}`} onClick=${() => setChosen(nextTheme())}>
    ${{ auto: "Auto", light: "Light", dark: "Dark" }[chosen]}
  </>`;
}

/** The name of the contract and the worlds of the mock, read again when `turn` changes. */
export function useMock(turn, attempt) {
  const [title, setTitle] = useState("Mock");
  const [worlds, setWorlds] = useState([]);
  useEffect(() => {
    attempt(async () => setTitle((await call("GET", "/_mock/contract")).info?.title ?? "Mock"));
  }, []);
  useEffect(() => {
    attempt(async () => setWorlds(await call("GET", "/_mock/worlds")));
  }, [turn]);
  return { title, worlds };
}
