// The list of messages of one conversation: drawn, edited live, deleted, and kept at its end. It asks the
// server for nothing.

import { drawBlocks } from "./blocks.js";
import { avatar, el, icon } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";
import { Surface } from "./surface.js";
import { clockTime, dayName, fullTime, isSameDay, moment } from "./time.js";

const NEAR_END = 80; // pixels

export class MessageList {
  constructor({ user, channel, app, names, broken }) {
    Object.assign(this, { user, channel, app, names, broken });
    this.rows = new Map();
    this.list = el("div", { class: "messages", role: "log", "aria-label": "Messages", tabindex: "0" });
    this.latest = el(
      "button",
      { type: "button", class: "latest", hidden: true, onclick: () => this.toEnd() },
      "New message",
      icon("down", "icon icon-small"),
    );
    this.node = el("div", { class: "messages-frame" }, this.list, this.latest);
    this.list.addEventListener("scroll", () => this.isAtEnd() && (this.latest.hidden = true));
    // Fonts, pictures and a narrower window change heights after the fact; the end stays in sight if it was.
    new ResizeObserver(() => this.followed && this.toEnd()).observe(this.list);
    this.list.addEventListener("scroll", () => (this.followed = this.isAtEnd()));
  }

  /** Draws the conversation as it stands; what was filled in stays. */
  show(messages, introduction) {
    const kept = this.rows;
    const follow = !this.introduction || this.isAtEnd();
    this.rows = new Map();
    for (const message of messages)
      this.rows.set(message.ts, this.row(message, kept.get(message.ts)?.surface));
    this.introduction = introduction;
    this.arrange();
    if (follow) this.toEnd();
  }

  add(message) {
    if (this.rows.has(message.ts)) return this.edit(message);
    const follow = this.isAtEnd();
    this.rows.set(message.ts, this.row(message));
    this.arrange();
    if (follow) this.toEnd();
    else this.latest.hidden = false;
  }

  edit(message) {
    const old = this.rows.get(message.ts);
    if (!old) return this.add(message);
    const follow = this.isAtEnd();
    const row = this.row(message, old.surface);
    row.node.classList.add("message-fresh");
    this.rows.set(message.ts, row);
    old.node.replaceWith(row.node);
    if (follow) this.toEnd();
  }

  remove(ts) {
    this.rows.delete(ts);
    this.arrange();
  }

  isAtEnd() {
    return this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR_END;
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
    this.latest.hidden = true;
    this.followed = true;
  }

  // Rows that stand already are only moved into place, so that focus, menus and animations live on.
  arrange() {
    const wanted = [this.introduction];
    let before = null;
    for (const ts of [...this.rows.keys()].sort((one, other) => Number(one) - Number(other))) {
      const date = moment(ts);
      if (!before || !isSameDay(before, date))
        wanted.push(el("div", { class: "day" }, el("span", {}, dayName(date))));
      wanted.push(this.rows.get(ts).node);
      before = date;
    }
    const nodes = wanted.filter(Boolean);
    for (const node of [...this.list.children]) if (!nodes.includes(node)) node.remove();
    nodes.forEach(
      (node, index) =>
        this.list.children[index] !== node && this.list.insertBefore(node, this.list.children[index] ?? null),
    );
  }

  row(message, kept) {
    const refusal = el("p", { class: "message-refusal", role: "alert" });
    const refused = (words) =>
      refusal.replaceChildren(...(words ? [icon("caution", "icon icon-small"), el("span", {}, words)] : []));
    const surface =
      kept ??
      new Surface({
        user: this.user,
        names: this.names,
        broken: this.broken,
        target: { message: { channel: this.channel, ts: message.ts } },
      });
    surface.refused = refused;
    return { surface, node: this.article(message, surface, refusal) };
  }

  article(message, surface, refusal) {
    const date = moment(message.ts);
    const author = this.names.people.get(message.user) ?? { id: message.user, real_name: message.name };
    const name = author.real_name || message.name;
    const edited = message.edited && !message.ephemeral ? el("span", { class: "edited" }, "(edited)") : null;
    const body = message.blocks?.length
      ? [el("div", { class: "blocks" }, drawBlocks(message.blocks, surface)), edited]
      : el("div", { class: "mrkdwn" }, mrkdwn(message.text, this.names), " ", edited);
    return el(
      "article",
      {
        class: message.ephemeral ? "message message-ephemeral" : "message",
        role: "article",
        "aria-label": `${name}, ${clockTime(date)}`,
        "data-ts": message.ts,
      },
      message.ephemeral
        ? el("p", { class: "only-you" }, icon("eye", "icon icon-small"), "Only visible to you")
        : null,
      avatar(author),
      el(
        "div",
        { class: "message-main" },
        el(
          "div",
          { class: "message-head" },
          el("span", { class: "author" }, name),
          author.is_app ? el("span", { class: "app-tag" }, "App") : null,
          el("time", { datetime: date.toISOString(), title: fullTime(date) }, clockTime(date)),
        ),
        body,
        refusal,
      ),
    );
  }
}
