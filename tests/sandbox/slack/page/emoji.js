// Slack's :shortcodes: as Unicode. The common ones are also drawn by art.svg, so that they look alike on
// every machine.

import { el, icon } from "./dom.js";

const NAMES = {
  white_check_mark: "✅",
  heavy_check_mark: "✔️",
  x: "❌",
  warning: "⚠️",
  no_entry: "⛔",
  no_entry_sign: "🚫",
  red_circle: "🔴",
  large_green_circle: "🟢",
  large_yellow_circle: "🟡",
  large_orange_circle: "🟠",
  large_blue_circle: "🔵",
  white_circle: "⚪",
  black_circle: "⚫",
  hourglass: "⌛",
  hourglass_flowing_sand: "⏳",
  double_vertical_bar: "⏸️",
  pause_button: "⏸️",
  arrow_forward: "▶️",
  arrows_counterclockwise: "🔄",
  key: "🔑",
  lock: "🔒",
  unlock: "🔓",
  closed_lock_with_key: "🔐",
  bell: "🔔",
  no_bell: "🔕",
  email: "✉️",
  envelope: "✉️",
  "e-mail": "📧",
  mailbox: "📫",
  inbox_tray: "📥",
  calendar: "📆",
  date: "📅",
  wave: "👋",
  information_source: "ℹ️",
  question: "❓",
  grey_question: "❔",
  exclamation: "❗",
  tada: "🎉",
  wrench: "🔧",
  hammer_and_wrench: "🛠️",
  gear: "⚙️",
  alarm_clock: "⏰",
  stopwatch: "⏱️",
  bust_in_silhouette: "👤",
  busts_in_silhouette: "👥",
  link: "🔗",
  rotating_light: "🚨",
  sos: "🆘",
  zap: "⚡",
  electric_plug: "🔌",
  mag: "🔍",
  clipboard: "📋",
  memo: "📝",
  bulb: "💡",
  speech_balloon: "💬",
  point_right: "👉",
  thumbsup: "👍",
  "+1": "👍",
  ok_hand: "👌",
  eyes: "👀",
  raised_hands: "🙌",
  pray: "🙏",
  rocket: "🚀",
  sparkles: "✨",
  star: "⭐",
  heart: "❤️",
  smile: "😄",
  slightly_smiling_face: "🙂",
  robot_face: "🤖",
  shield: "🛡️",
  package: "📦",
  wastebasket: "🗑️",
  heavy_minus_sign: "➖",
  heavy_plus_sign: "➕",
  checkered_flag: "🏁",
  ambulance: "🚑",
  fire: "🔥",
  chart_with_upwards_trend: "📈",
  bar_chart: "📊",
  office: "🏢",
};

const DRAWN = {
  "✅": "e-check",
  "❌": "e-cross",
  "⚠️": "e-warning",
  "⛔": "e-stop",
  "🚫": "e-ban",
  "🔴": "e-red",
  "🟢": "e-green",
  "🟡": "e-yellow",
  "🟠": "e-orange",
  "🔵": "e-blue",
  "⚪": "e-white",
  "⚫": "e-black",
  "⌛": "e-hourglass",
  "⏳": "e-hourglass",
  "⏸️": "e-pause",
  "▶️": "e-play",
  "🔄": "e-again",
  "🔑": "e-key",
  "🔒": "e-lock",
  "🔐": "e-lock",
  "🔔": "e-bell",
  "✉️": "e-mail",
  "📧": "e-mail",
  "📥": "e-mail",
  "📆": "e-date",
  "📅": "e-date",
  ℹ️: "e-info",
  "⏰": "e-clock",
  "⏱️": "e-clock",
  "👤": "e-person",
  "👥": "e-person",
  "🔗": "e-link",
  "🚨": "e-alarm",
  "👋": "e-wave",
  "🎉": "e-party",
  "🔧": "e-wrench",
  "🛠️": "e-wrench",
  "💡": "e-bulb",
  "🔍": "e-search",
  "⚡": "e-zap",
  "🛡️": "e-shield",
};

const BARE = Object.fromEntries(Object.keys(DRAWN).map((glyph) => [glyph.replace("\uFE0F", ""), glyph]));
const PICTURE = /\p{RGI_Emoji}|\p{Extended_Pictographic}/v;

/** Matches a known :shortcode: or one emoji character. */
export const EMOJI = new RegExp(`:([a-z0-9_+\\-]+):|${PICTURE.source}`, "gv");

/**
 * The node for what EMOJI found; null where the shortcode is nobody's, which Slack shows as it was
 * written.
 */
export function emoji(found, shortcode) {
  const glyph = shortcode ? NAMES[shortcode] : found;
  if (!glyph) return null;
  // © or ↔ are pictographic to Unicode and text to everybody else.
  if (!shortcode && !/\p{RGI_Emoji}/v.test(glyph) && !(glyph in BARE)) return null;
  const art = DRAWN[glyph] ?? DRAWN[BARE[glyph]];
  if (!art) return el("span", { class: "emoji" }, glyph);
  return el("span", { class: "emoji" }, icon(art, "emoji-art"), el("span", { class: "emoji-glyph" }, glyph));
}
