/** Dialogs of the whole page: the token, a question, the keyboard shortcuts; and its notices. */

import { html } from "./preact.js";
import { Button, Dialog, Field, FormDialog, Text } from "./elements.js";

export function TokenDialog({ refused, onGiven }) {
  const submit = (form) => onGiven(form.get("token").trim());
  return html`<${FormDialog} title="Control-plane token" label="Use token" submit=${submit} onClose=${(done) => done || onGiven(null)}>
    <p>${refused ? "The mock refused this token." : "This mock was started with a token."} It is the value of --token or MOCKSERVER_TOKEN.</p>
    <${Field} label="Token" hint="kept until this tab is closed">
      <input name="token" type="password" required autofocus autocomplete="off" />
    </>
  </>`;
}

export function Question({ question, label, onAnswer }) {
  return html`<${FormDialog} title="Are you sure?" label=${label} danger submit=${() => undefined} onClose=${onAnswer}>
    <p><${Text} value=${question} /></p>
  </>`;
}

const SHORTCUTS = [
  ["/", "filter the traffic"],
  ["1 … 6", "go to a tab"],
  ["← →", "the next tab, on the tabs"],
  ["↑ ↓  Page  Home End", "move in the list of requests"],
  ["Enter", "go from the list to the chosen request"],
  ["Esc", "close a dialog, a menu or the chosen request"],
  ["p", "pause or resume the list of requests"],
  ["?", "this help"],
];

export function Help({ onClose }) {
  return html`<${Dialog} title="Keyboard shortcuts" onClose=${onClose}>
    <table class="pairs">
      <tbody>
        ${SHORTCUTS.map(([keys, what]) => html`<tr key=${keys}><th scope="row"><kbd>${keys}</kbd></th><td>${what}</td></tr>`)}
      </tbody>
    </table>
  </>`;
}

/** Errors stay until they are closed; other notices go by themselves. */
export function Notices({ notices, onClose }) {
  const shown = (kind) =>
    notices
      .filter((each) => (each.kind === "error") === (kind === "error"))
      .map(
        ({ id, text }) => html`<div key=${id} class=${`toast ${kind}`}>
          <${Text} value=${text} />
          <${Button} kind="quiet icon" aria-label="Close this notice" onClick=${() => onClose(id)}>✕</>
        </div>`,
      );
  return html`<div class="toasts">
    <div role="alert">${shown("error")}</div>
    <div role="status">${shown("info")}</div>
  </div>`;
}
