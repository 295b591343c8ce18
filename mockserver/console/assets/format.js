/** Values as text for people. Nothing here makes HTML: the page shows only text nodes. */

const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
/** Epoch ms of 2001-09-09 and 2100-01-01: an integer between them reads as a time. */
const [FIRST_TIME, LAST_TIME] = [1_000_000_000_000, 4_102_444_800_001];

/** Text in which characters that nobody sees, or that turn the direction of others, are written as escapes. */
export const visible = (text) => text.replace(INVISIBLE, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** The language that the script of a text tells, for fonts and line breaks; undefined where it tells none. */
export function languageOf(text) {
  if (/[\u3040-\u30ff]/.test(text)) return "ja";
  if (/[\uac00-\ud7af]/.test(text)) return "ko";
  return /\p{Script=Han}/u.test(text) ? "zh-Hans" : undefined;
}

/** `2030-01-31 12:00:00` in UTC, with milliseconds where there are some; the number where it is outside the calendar. */
export function readable(ms) {
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString().replace("T", " ").replace(/(\.000)?Z$/, "");
}

/** `12:00:00.250` in UTC. */
export function timeOfDay(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString().slice(11, 23);
}

/** The readable time of an integer, or of its text, that is probably one in epoch ms; else an empty text. */
export function asTime(value) {
  const number = /^\d{13}$/.test(String(value)) ? Number(value) : NaN;
  return number >= FIRST_TIME && number <= LAST_TIME ? `${readable(number)} UTC` : "";
}

/** Milliseconds with as many digits as matter. */
export const milliseconds = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

/** `1 row`, `2 rows`. */
export const count = (number, noun, plural = `${noun}s`) => `${number.toLocaleString("en")} ${number === 1 ? noun : plural}`;

/** One value in one line; texts as they are. */
export function plain(value) {
  if (typeof value === "string" || typeof value === "bigint") return String(value);
  return JSON.stringify(value, (_, each) => (typeof each === "bigint" ? String(each) : each)) ?? "";
}

/** The last part of an outcome: `5135` of `shareInfo/5135`. */
export const codeOf = (outcome) => outcome.slice(outcome.lastIndexOf("/") + 1);

/** The name of a file and the line, without its folders. */
export const shortLine = (line) => line.replace(/^.*[\\/]/, "");

/** What decided a reply: documented, assumed, permitted, fault, or none. */
export const kindOf = (entry) => (entry.tainted ? "fault" : (entry.rule?.kind ?? "none"));
