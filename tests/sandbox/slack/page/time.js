// The sandbox's time as people read it: its clock runs beside real time by an offset. It knows no messages.

import { el, safeAddress } from "./dom.js";

const LOCALE = "en-US";
let ahead = 0; // milliseconds between the sandbox's clock and this browser's

/**
 * `instant` is the sandbox's now, ISO 8601. Returns true when the clock has moved by more than the
 * journey of the answer.
 */
export function setNow(instant) {
  const before = ahead;
  ahead = Date.parse(instant) - Date.now();
  return Math.abs(ahead - before) > 3000;
}

export const now = () => new Date(Date.now() + ahead);

/** Slack's `ts`, whose part before the dot is the second. */
export const moment = (ts) => new Date(Number(ts) * 1000);

const shown = (options) => {
  const format = new Intl.DateTimeFormat(LOCALE, { hourCycle: "h23", ...options });
  return (date) => format.format(date);
};
export const clockTime = shown({ hour: "2-digit", minute: "2-digit" });
export const fullTime = shown({
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
export const panelTime = shown({
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
export const lockScreenDate = shown({ weekday: "long", day: "numeric", month: "long" });
const seconds = shown({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const short = shown({ day: "numeric", month: "short", year: "numeric" });
const medium = shown({ day: "numeric", month: "long", year: "numeric" });
const long = shown({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const numeric = (date) => new Intl.DateTimeFormat("sv-SE").format(date); // the locale whose dates are ISO 8601

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());

/** "today", "yesterday" or "tomorrow" by the sandbox's clock, else what `otherwise` says. */
function pretty(date, otherwise) {
  const days = Math.round((midnight(date) - midnight(now())) / 86_400_000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days] ?? otherwise(date);
}

const capital = (words) => words[0].toUpperCase() + words.slice(1);
export const dayName = (date) => capital(pretty(date, long));
export const isSameDay = (one, other) => midnight(one).getTime() === midnight(other).getTime();

/** "3 min ago" for a notification. */
export function ago(date) {
  const minutes = Math.floor((now() - date) / 60_000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ago`;
  return `${Math.floor(minutes / 1440)} d ago`;
}

const TOKENS = {
  date_num: numeric,
  date_slash: numeric,
  date: medium,
  date_short: short,
  date_long: long,
  date_pretty: (date) => pretty(date, medium),
  date_short_pretty: (date) => pretty(date, short),
  date_long_pretty: (date) => pretty(date, long),
  time: clockTime,
  time_secs: seconds,
  ago,
};

/**
 * `date^1700000000^{date_short_pretty} at {time}^https://…` as a time element; the fallback where Slack
 * would show it.
 */
export function slackDate(command, fallback, opensLine) {
  const [, stamp, format = "", address = ""] = command.split("^");
  const date = moment(stamp);
  if (Number.isNaN(date.getTime()) || !format) return el("span", {}, fallback);
  const words = format.replace(/\{(\w+)\}/g, (whole, token) => TOKENS[token]?.(date) ?? whole);
  const node = el(
    "time",
    { datetime: date.toISOString(), title: fullTime(date) },
    opensLine ? capital(words) : words,
  );
  const href = safeAddress(address);
  return href ? el("a", { href, target: "_blank", rel: "noopener noreferrer" }, node) : node;
}
