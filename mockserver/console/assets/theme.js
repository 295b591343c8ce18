/** Light or dark: as the system has it, until the user chooses. */

const KEY = "mock-theme";
const THEMES = ["auto", "light", "dark"];

/** auto, light or dark. */
export function theme() {
  const kept = localStorage.getItem(KEY);
  return THEMES.includes(kept) ? kept : "auto";
}

/** Chooses the next theme and gives it. */
export function nextTheme() {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
  localStorage.setItem(KEY, next);
  applyTheme();
  return next;
}

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}
