/** The clock of a world: what it shows, and how it is set. */

import { html, useEffect, useState } from "./preact.js";
import { call, worldPath } from "./api.js";
import { readable } from "./format.js";
import { Button, Field, Menu, Text, usePage } from "./elements.js";

const MODES = { real: "real time", shifted: "not real time", frozen: "stands still" };

export function Clock() {
  const { live } = usePage();
  const [, tick] = useState(0);
  const clock = live.world?.clock;
  const running = clock && clock.mode !== "frozen";
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => tick((turn) => turn + 1), 1000);
    return () => clearInterval(timer);
  }, [running]);
  if (!clock) return null;
  const shown = readable(running ? Math.floor((clock.now + performance.now() - live.seen) / 1000) * 1000 : clock.now);
  const label = html`<span class="clock" data-mode=${clock.mode}><time>${shown.slice(0, 19)}</time> UTC
    <span class="aside">${MODES[clock.mode]}</span></span>`;
  return html`<${Menu} name="Clock of the world" label=${label} kind="quiet">${() => html`<${Settings} clock=${clock} />`}</>`;
}

function Settings({ clock }) {
  const { live } = usePage();
  const [by, setBy] = useState("");
  const [time, setTime] = useState("");
  const [error, setError] = useState("");
  const frozen = clock.mode === "frozen";
  const change = async (method, body, done) => {
    setError("");
    try {
      await call(method, `${worldPath(live.name)}/clock`, { body });
      await live.refresh();
      done?.();
    } catch (refused) {
      setError(refused.message);
    }
  };
  const advance = (event) => {
    event.preventDefault();
    change("PATCH", { advance: by.trim() }, () => setBy(""));
  };
  const set = (event) => {
    event.preventDefault();
    change("PATCH", { time: time.trim() }, () => setTime(""));
  };
  return html`<div class="stack">
    <div class="buttons">
      <${Button} onClick=${() => change("PATCH", { frozen: !frozen })}>${frozen ? "Run" : "Freeze"}</>
      ${["1m", "1h", "1d"].map(
        (distance) => html`<${Button} key=${distance} aria-label=${`Advance by ${distance}`} onClick=${() => change("PATCH", { advance: distance })}>
          +${distance}
        </>`,
      )}
      <${Button} disabled=${clock.mode === "real"} onClick=${() => change("DELETE")}>Real time</>
    </div>
    <form class="line" onSubmit=${advance}>
      <${Field} label="Advance by" hint="ms, s, m, h, d; negative to go back">
        <input name="advance" placeholder="90s" required value=${by} onInput=${(event) => setBy(event.target.value)} />
      </>
      <button type="submit">Advance</button>
    </form>
    <form class="line" onSubmit=${set}>
      <${Field} label="Set to" hint="2030-01-31T12:00:00Z, now + 7d, or epoch ms">
        <input name="time" placeholder="2030-01-31T12:00:00Z" required value=${time} onInput=${(event) => setTime(event.target.value)} />
      </>
      <button type="submit">Set</button>
    </form>
    <p class="aside">Epoch ms ${clock.mode === "frozen" ? "" : "when it was last read"}: <span class="code">${clock.now}</span></p>
    <p class="error" role="alert">${error && html`<${Text} value=${error} />`}</p>
  </div>`;
}
