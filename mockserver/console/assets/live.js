/** One world, kept up to date by its stream of events. */

import { Refused, call, events, worldPath } from "./api.js";

/** How many entries of the journal the page keeps. */
export const MOST_ENTRIES = 10_000;
/** Milliseconds for which events are collected before the page is drawn again. */
const TOGETHER = 100;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;

export class Live {
  /** `changed` is called when something is new, at most every TOGETHER ms. */
  constructor(name, changed) {
    this.name = name;
    /** Oldest first. */
    this.entries = [];
    /** As `GET /_mock/worlds/NAME` describes it; null until the first event. */
    this.world = null;
    /** `performance.now()` when the world was described. */
    this.seen = 0;
    /** connecting, live, waiting (the connection was lost) or gone (the world was deleted). */
    this.status = "connecting";
    /** Changes whenever the list of entries does. */
    this.version = 0;
    /** Changes whenever anything of the world does. */
    this.turn = 0;
    this.problem = "";
    this._changed = changed;
    this._stop = new AbortController();
    this._timer = 0;
    this._last = 0;
  }

  async start() {
    let pause = FIRST_PAUSE;
    while (!this._stop.signal.aborted && this.status !== "gone") {
      try {
        await this._follow(() => (pause = FIRST_PAUSE));
        this._lost("The mock ended the stream of events.");
      } catch (error) {
        if (this._stop.signal.aborted) return;
        this._lost(error.message);
        if (error instanceof Refused && error.status === 404) this._is("gone");
      }
      await new Promise((resume) => setTimeout(resume, pause));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }

  stop() {
    this._stop.abort();
    clearTimeout(this._timer);
  }

  /** Takes the description that a reply of the control plane gave, without waiting for the event. */
  describe(world) {
    this.world = world;
    this.seen = performance.now();
    this._soon();
  }

  async refresh() {
    this.describe(await call("GET", worldPath(this.name)));
  }

  async _follow(connected) {
    if (this._last > 0) await this._forgetOtherJournal();
    const query = { after: this._last };
    const restart = new AbortController();
    const signal = AbortSignal.any([this._stop.signal, restart.signal]);
    try {
      for await (const { event, data } of events(`${worldPath(this.name)}/events`, query, signal)) {
        connected();
        if (event === "gone") return this._is("gone");
        this._is("live");
        if (event === "entry") this._add(data);
        if (event === "world") {
          const cleared = this.world !== null && data.entries < this.world.entries;
          this.describe(data);
          if (cleared) {
            this._clear();
            restart.abort();
          }
        }
      }
    } catch (error) {
      if (!restart.signal.aborted || this._stop.signal.aborted) throw error;
      return this._follow(connected);
    }
  }

  /** Where the mock was started again, numbers of its journal begin again too. */
  async _forgetOtherJournal() {
    const { entries } = await call("GET", `${worldPath(this.name)}/journal`, { query: { limit: 1 } });
    if ((entries[0]?.number ?? 0) < this._last) this._clear();
  }

  _add(entry) {
    if (entry.number <= this._last) return;
    this._last = entry.number;
    this.entries.push(entry);
    // A tenth at once, so that a long list is not copied for each entry.
    if (this.entries.length > MOST_ENTRIES * 1.1) this.entries = this.entries.slice(-MOST_ENTRIES);
    this.version += 1;
    this._soon();
  }

  _clear() {
    this.entries = [];
    this._last = 0;
    this.version += 1;
    this._soon();
  }

  _lost(problem) {
    this.problem = problem;
    if (this.status !== "gone") this._is("waiting");
  }

  _is(status) {
    if (this.status === status) return;
    this.status = status;
    this._soon();
  }

  _soon() {
    this.turn += 1;
    this._timer ||= setTimeout(() => {
      this._timer = 0;
      this._changed();
    }, TOGETHER);
  }
}
