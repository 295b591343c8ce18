/** The console of a mock: one page with tabs, about one world at a time. */

import { html, render, useCallback, useEffect, useMemo, useRef, useState } from "./preact.js";
import { onTokenNeeded } from "./api.js";
import { Decisions } from "./decisions.js";
import { Help, Notices, Question, TokenDialog } from "./dialogs.js";
import { Page } from "./elements.js";
import { Faults } from "./faults.js";
import { Header, useMock } from "./header.js";
import { Lifecycle } from "./lifecycle.js";
import { Live } from "./live.js";
import { Outcomes } from "./outcomes.js";
import { State } from "./state.js";
import { applyTheme } from "./theme.js";
import { Traffic, traffic } from "./traffic.js";

const TABS = [
  ["traffic", "Traffic", Traffic],
  ["decisions", "Decision table", Decisions],
  ["outcomes", "Outcomes", Outcomes],
  ["state", "State", State],
  ["faults", "Faults", Faults],
  ["life", "Life of a row", Lifecycle],
];
/** Milliseconds for which a notice is shown that is not an error. */
const NOTICE = 4000;

function Console() {
  const [{ world, tab }, go] = usePlace();
  const [notices, notify, close] = useNotices();
  const [dialog, setDialog] = useState(null);
  const live = useLive(world);
  const attempt = useCallback(async (action, done) => {
    try {
      await action();
      if (done) notify(done);
    } catch (error) {
      notify(error.message, "error");
    }
  }, []);
  const confirm = useCallback(
    (question, label) =>
      new Promise((answer) => {
        const onAnswer = (agreed) => {
          setDialog(null);
          answer(agreed);
        };
        setDialog(html`<${Question} question=${question} label=${label} onAnswer=${onAnswer} />`);
      }),
    [],
  );
  useMemo(() => onTokenNeeded((refused) => askForToken(refused, setDialog)), []);
  const { title, worlds } = useMock(`${world} ${live.status}`, attempt);
  const help = () => setDialog(html`<${Help} onClose=${() => setDialog(null)} />`);
  useShortcuts({ tab, go, help });
  useEffect(() => {
    document.title = `${title} – ${world}`;
  }, [title, world]);
  const page = useMemo(() => ({ live, notify, attempt, confirm }), [live, live.turn]);
  const onWorld = (name) => {
    Object.assign(traffic, { chosen: null, paused: null });
    go({ world: name, tab });
  };
  const [, name, Content] = TABS.find(([each]) => each === tab);
  return html`<${Page.Provider} value=${page}>
    <${Header} title=${title} worlds=${worlds} onWorld=${onWorld} onHelp=${help} />
    <${Tabs} tab=${tab} onTab=${(chosen) => go({ world, tab: chosen })} faults=${live.world?.faults} />
    <main id="panel" role="tabpanel" aria-label=${name}><${Content} key=${`${world} ${tab}`} /></main>
    <${Notices} notices=${notices} onClose=${close} />
    ${dialog}
  </>`;
}

function Tabs({ tab, onTab, faults }) {
  const list = useRef();
  const pressed = (event) => {
    const at = TABS.findIndex(([each]) => each === tab);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const [id] = TABS[(next + TABS.length) % TABS.length];
    onTab(id);
    list.current.querySelector(`#tab-${id}`).focus();
  };
  return html`<div class="tabs" role="tablist" aria-label="Parts of the console" ref=${list} onKeyDown=${pressed}>
    ${TABS.map(
      ([id, name]) => html`<button
        type="button"
        key=${id}
        id=${`tab-${id}`}
        role="tab"
        aria-selected=${id === tab}
        aria-controls="panel"
        tabindex=${id === tab ? 0 : -1}
        onClick=${() => onTab(id)}
      >
        ${name}${id === "faults" && faults ? html` <span class="badge">${faults}</span>` : ""}
      </button>`,
    )}
  </div>`;
}

/** The world and the tab, which the address of the page keeps: `#WORLD/TAB`. */
function usePlace() {
  const [place, setPlace] = useState(placeOf(location.hash));
  useEffect(() => {
    const changed = () => setPlace(placeOf(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  const go = ({ world, tab }) => {
    location.hash = `${encodeURIComponent(world)}/${tab}`;
    setPlace({ world, tab });
  };
  return [place, go];
}

function placeOf(hash) {
  const [world, tab] = hash.slice(1).split("/");
  const known = TABS.some(([each]) => each === tab);
  try {
    return { world: decodeURIComponent(world) || "default", tab: known ? tab : "traffic" };
  } catch {
    return { world: "default", tab: "traffic" };
  }
}

function useLive(world) {
  const [, redraw] = useState(0);
  const live = useMemo(() => new Live(world, () => redraw((turn) => turn + 1)), [world]);
  useEffect(() => {
    live.start();
    return () => live.stop();
  }, [live]);
  return live;
}

function useNotices() {
  const [notices, setNotices] = useState([]);
  const last = useRef(0);
  const close = useCallback((id) => setNotices((before) => before.filter((each) => each.id !== id)), []);
  const notify = useCallback((text, kind = "info") => {
    const id = (last.current += 1);
    setNotices((before) => [...before.filter((each) => each.text !== text), { id, text, kind }].slice(-5));
    if (kind !== "error") setTimeout(() => close(id), NOTICE);
  }, []);
  return [notices, notify, close];
}

function useShortcuts(actions) {
  const current = useRef(actions);
  current.current = actions;
  useEffect(() => {
    const pressed = (event) => {
      const typing = event.target.closest("input, select, textarea, dialog");
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      const { go, help, tab } = current.current;
      const { world } = placeOf(location.hash);
      const shortcuts = {
        "/": () => afterwards(() => document.getElementById("filter").focus(), () => go({ world, tab: "traffic" })),
        "?": help,
        p: () => tab === "traffic" && document.getElementById("pause").click(),
      };
      const number = Number(event.key) - 1;
      const action = TABS[number] ? () => go({ world, tab: TABS[number][0] }) : shortcuts[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

/** Does something, and something else once the page is drawn again. */
function afterwards(then, first) {
  first();
  setTimeout(then, 50);
}

function askForToken(refused, setDialog) {
  return new Promise((answer) => {
    const onGiven = (token) => {
      setDialog(null);
      answer(token);
    };
    setDialog(html`<${TokenDialog} key=${Math.random()} refused=${refused} onGiven=${onGiven} />`);
  });
}

applyTheme();
render(html`<${Console} />`, document.getElementById("console"));
