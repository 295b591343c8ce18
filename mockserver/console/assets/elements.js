/** Parts that several pages use: dialogs, menus, buttons, texts. */

import { html, useContext, createContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./preact.js";
import { asTime, codeOf, languageOf, plain, visible } from "./format.js";

/** What every part may use: `notify(text, kind)`, `attempt(action)`, `confirm(question)`, and the live world. */
export const Page = createContext(null);
export const usePage = () => useContext(Page);

let lastId = 0;
export const useId = () => useMemo(() => `id${(lastId += 1)}`, []);

/** A text from the mock, in its own direction and language. */
export function Text({ value, class: name }) {
  const shown = visible(value);
  return html`<bdi class=${name} lang=${languageOf(shown)}>${shown}</bdi>`;
}

/** One value of a row or of a request, with the readable time of what is probably a time. */
export function Value({ value }) {
  if (value === null || value === undefined) return html`<span class="none">none</span>`;
  if (value === "[redacted]") return html`<span class="redacted">redacted</span>`;
  const kind = typeof value === "object" ? "json" : typeof value;
  const time = typeof value === "number" || typeof value === "string" ? asTime(value) : "";
  return html`<span class="value ${kind}">
    ${value === "" ? html`<span class="none">empty</span>` : html`<${Text} value=${plain(value)} />`}
    ${time && html` <time class="aside">${time}</time>`}
  </span>`;
}

/** The name of an outcome in the colour of its kind. */
export function Outcome({ outcome, kind, short = false }) {
  return html`<span class="outcome" data-kind=${kind} title=${kind}>${short ? codeOf(outcome) : outcome}</span>`;
}

export function Button({ onClick, children, kind = "", ...rest }) {
  return html`<button type="button" class=${kind} onClick=${onClick} ...${rest}>${children}</button>`;
}

/** Copies a text, and says so on the button for a moment. */
export function Copy({ text, children, kind }) {
  const { attempt } = usePage();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => attempt(() => copyText(text), "Copied to the clipboard.").then(() => setCopied(true));
  return html`<${Button} kind=${kind} onClick=${copy}>${copied ? "Copied" : children}</>`;
}

async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Browsers have no clipboard for pages over plain HTTP from another machine.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("The browser does not let this page use the clipboard.");
}

/** A modal dialog; Esc closes it, and the focus returns to where it was. */
export function Dialog({ title, onClose, children, wide = false }) {
  const dialog = useRef();
  const id = useId();
  useLayoutEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    // Once the dialog is gone: until then nothing outside of it can have the focus.
    return () => queueMicrotask(() => before?.isConnected && before.focus());
  }, []);
  return html`<dialog ref=${dialog} class=${wide ? "wide" : ""} aria-labelledby=${id} onClose=${onClose}>
    <header>
      <h2 id=${id}>${title}</h2>
      <${Button} kind="quiet icon" aria-label="Close" onClick=${onClose}>✕</>
    </header>
    ${children}
  </dialog>`;
}

/** A dialog with a form. It stays open, with what was typed, where `submit` throws. */
export function FormDialog({ title, submit, label, danger = false, onClose, children, wide }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submitted = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      await submit(new FormData(event.target));
      onClose(true);
    } catch (refused) {
      setError(refused.message);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${() => onClose(false)} wide=${wide}>
    <form onSubmit=${submitted}>
      <div class="fields">${children}</div>
      <p class="error" role="alert">${error && html`<${Text} value=${error} />`}</p>
      <footer>
        <${Button} onClick=${() => onClose(false)}>Cancel</>
        <button type="submit" class=${danger ? "danger" : "primary"} disabled=${busy}>${label}</button>
      </footer>
    </form>
  </>`;
}

/** A label with its control below it, and a hint. */
export function Field({ label, hint, children }) {
  return html`<label class="field">
    <span class="label">${label}</span>
    ${children}
    ${hint && html`<span class="aside">${hint}</span>`}
  </label>`;
}

/** A button that opens a panel below itself; Esc, a click elsewhere and a choice in it close the panel. */
export function Menu({ label, name, children, kind = "" }) {
  const [open, setOpen] = useState(false);
  const box = useRef();
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const outside = (event) => box.current.contains(event.target) || setOpen(false);
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);
  const close = () => {
    setOpen(false);
    box.current.querySelector("button").focus();
  };
  const pressed = (event) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    close();
  };
  return html`<div class="menu" ref=${box} onKeyDown=${pressed}>
    <${Button} kind=${kind} aria-expanded=${open} aria-controls=${id} aria-label=${name} onClick=${() => setOpen(!open)}>${label}</>
    ${open && html`<div class="panel" id=${id} role="group" aria-label=${name}>${children(close)}</div>`}
  </div>`;
}

/** A list of names beside a page, of which one is chosen. */
export function Sidebar({ label, items, chosen, onChoose }) {
  return html`<nav class="sidebar" aria-label=${label}>
    ${items.map(
      ({ name, note }) => html`<button
        type="button"
        key=${name}
        aria-current=${name === chosen ? "true" : undefined}
        onClick=${() => onChoose(name)}
      >
        <span class="name">${name}</span><span class="note">${note}</span>
      </button>`,
    )}
  </nav>`;
}

/** What stands where there is nothing. */
export const Empty = ({ children }) => html`<div class="empty">${children}</div>`;
