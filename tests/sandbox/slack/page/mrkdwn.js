// Slack's mrkdwn as DOM nodes: what it means in Slack, no more ("- " starts no list there, "• " is only a
// line). It knows no blocks.

import { el, safeAddress } from "./dom.js";
import { EMOJI, emoji } from "./emoji.js";
import { slackDate } from "./time.js";

// Parts that no mark may look into are taken out first; one private character each stands for them until
// the end.
const FIRST_HELD = 0xe000;
const HELD = /[\uE000-\uF8FF]/g;
const ENTITY = /<(@[^>|]+|#[^>|]+|![^>|]+|(?:https?:\/\/|mailto:|tel:)[^>|]+)(?:\|([^>]*))?>/g;
const BARE_ADDRESS = /https?:\/\/[^\s<>|\uE000-\uF8FF]+[^\s<>|.,;:!?)\]'"\uE000-\uF8FF]/g;
// A mark opens after a non-word character and before a non-space, and closes the other way round.
const MARKS = [
  ["strong", /(?<![\p{L}\p{N}*])\*(?=[^\s*])([^*\n]*?[^\s*])\*(?![\p{L}\p{N}*])/u],
  ["em", /(?<![\p{L}\p{N}_])_(?=[^\s_])([^\n]*?\S)_(?![\p{L}\p{N}_])/u],
  ["s", /(?<![\p{L}\p{N}~])~(?=[^\s~])([^~\n]*?[^\s~])~(?![\p{L}\p{N}~])/u],
];

/** Slack keeps & < > escaped, in plain_text too (bolt-python issue 513), and its clients turn them back. */
export const unescaped = (text) =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/**
 * `names` is what ids are called: `people` a Map of users by id, `channels` a Map of names by id, `me`
 * the reader's id.
 */
export function mrkdwn(source, names) {
  const holder = new Holder(names);
  const nodes = [];
  source
    .replace(HELD, "")
    .split(/```\n?([\s\S]+?)\n?```/)
    .forEach((piece, index) => {
      if (index % 2)
        nodes.push(
          el(
            "pre",
            {},
            el("code", {}, unescaped(piece.replace(ENTITY, (_, target, label) => label ?? target))),
          ),
        );
      else if (piece.trim() || !index) nodes.push(...lines(piece.replace(/^\n|\n$/g, ""), holder));
    });
  return nodes;
}

/** A plain_text object's text: no marks, but emoji. */
export function plainText(source) {
  return withEmoji(unescaped(source));
}

/** Slack's text object. */
export function textObject(object, names) {
  return object.type === "mrkdwn" ? mrkdwn(object.text, names) : plainText(object.text);
}

function lines(text, holder) {
  const nodes = [];
  let quote = null;
  text.split("\n").forEach((line, index, all) => {
    const quoted = /^(?:&gt;|>) ?(.*)$/.exec(line);
    const bullet = /^(\s*)[•◦▪] +(.*)$/.exec(line);
    if (quoted) {
      if (!quote) nodes.push((quote = el("blockquote")));
      quote.append(el("div", {}, inline(quoted[1], holder)));
      return;
    }
    quote = null;
    if (bullet)
      nodes.push(
        el(
          "div",
          { class: "bullet" },
          el("span", { class: "dot" }, "• "),
          el("span", {}, inline(bullet[2], holder)),
        ),
      );
    else
      nodes.push(
        ...inline(line, holder),
        ...(index < all.length - 1 && !/^(?:&gt;|>|\s*[•◦▪] )/.test(all[index + 1]) ? [el("br")] : []),
      );
  });
  return nodes;
}

function inline(line, holder) {
  const held = line
    .replace(/`([^`\n]+)`/g, (_, code) =>
      holder.hold(el("code", {}, unescaped(code.replace(ENTITY, (_all, target, label) => label ?? target)))),
    )
    .replace(ENTITY, (_, target, label, at) => holder.hold(holder.entity(target, label, at === 0)))
    .replace(BARE_ADDRESS, (address) => holder.hold(link(unescaped(address), unescaped(address))));
  return marked(held, holder);
}

function marked(text, holder) {
  const first = MARKS.map(([tag, pattern]) => ({ tag, found: pattern.exec(text) }))
    .filter(({ found }) => found)
    .sort((one, other) => one.found.index - other.found.index)[0];
  if (!first) return plain(text, holder);
  const { tag, found } = first;
  return [
    ...plain(text.slice(0, found.index), holder),
    el(tag, {}, marked(found[1], holder)),
    ...marked(text.slice(found.index + found[0].length), holder),
  ];
}

function plain(text, holder) {
  return text
    .split(/([\uE000-\uF8FF])/)
    .flatMap((piece, index) => (index % 2 ? [holder.release(piece)] : withEmoji(unescaped(piece))));
}

/** The text's nodes, in which emoji are drawn alike everywhere. */
export function withEmoji(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(EMOJI)) {
    const node = emoji(found[0], found[1]);
    if (!node) continue;
    nodes.push(text.slice(from, found.index), node);
    from = found.index + found[0].length;
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}

function link(address, words) {
  const href = safeAddress(address);
  return href
    ? el("a", { href, target: "_blank", rel: "noopener noreferrer" }, withEmoji(words))
    : el("span", {}, words);
}

class Holder {
  constructor(names) {
    this.names = names;
    this.nodes = [];
  }

  hold(node) {
    this.nodes.push(node);
    return String.fromCharCode(FIRST_HELD + this.nodes.length - 1);
  }

  release(character) {
    return this.nodes[character.charCodeAt(0) - FIRST_HELD] ?? "";
  }

  entity(target, label, opensLine) {
    const { people, channels, me } = this.names;
    if (target.startsWith("@")) {
      const id = target.slice(1);
      return el(
        "span",
        { class: id === me ? "mention mention-me" : "mention" },
        `@${people.get(id)?.name ?? unescaped(label ?? id)}`,
      );
    }
    if (target.startsWith("#"))
      return el(
        "span",
        { class: "mention" },
        `#${channels.get(target.slice(1)) ?? unescaped(label ?? "channel")}`,
      );
    if (target.startsWith("!")) return this.special(target.slice(1), label, opensLine);
    return link(unescaped(target), unescaped(label || target.replace(/^(mailto|tel):/, "")));
  }

  special(command, label, opensLine) {
    if (command.startsWith("date^")) return slackDate(command, unescaped(label ?? ""), opensLine);
    const word = command.startsWith("subteam^") ? (label ?? "@group") : `@${command.split("^")[0]}`;
    return el("span", { class: "mention mention-me" }, unescaped(word));
  }
}
