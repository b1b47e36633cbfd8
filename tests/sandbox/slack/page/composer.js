// The box where a person types: completes slash commands and people, sends on Enter. It knows no server;
// `send` does that.

import { avatar, el, icon } from "./dom.js";

const COMMAND = /^\/\S*$/;
const MENTION = /(^|\s)@([\w.-]*)$/;

export class Composer {
  /** `send(text)` answers the words of a refusal, or nothing when all is well. */
  constructor({ placeholder, commands, people, send }) {
    Object.assign(this, { commands, people, sendText: send, offers: [], picked: 0 });
    this.box = el("textarea", {
      rows: "1",
      "aria-label": "Message",
      placeholder,
      autocomplete: "off",
      spellcheck: "false",
      "aria-autocomplete": "list",
      "aria-controls": "offers",
    });
    this.list = el("div", {
      id: "offers",
      class: "offers",
      role: "listbox",
      "aria-label": "Suggestions",
      hidden: true,
    });
    this.hint = el("p", { class: "usage", hidden: true });
    this.refusal = el("div", { class: "composer-refusal", role: "alert" });
    this.button = el(
      "button",
      { type: "button", class: "send", "aria-label": "Send", disabled: true, onclick: () => this.send() },
      icon("send"),
    );
    this.node = el(
      "div",
      { class: "composer" },
      this.refusal,
      this.list,
      this.hint,
      el("div", { class: "composer-box" }, this.box, this.button),
    );
    this.box.addEventListener("input", () => this.changed());
    this.box.addEventListener("click", () => this.suggest());
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("blur", () => this.offer([]));
  }

  changed() {
    this.box.style.height = "auto";
    this.box.style.height = `${this.box.scrollHeight}px`;
    this.button.disabled = !this.box.value.trim();
    this.suggest();
  }

  suggest() {
    const before = this.box.value.slice(0, this.box.selectionStart);
    const mention = MENTION.exec(before);
    this.offer(
      COMMAND.test(before) ? this.commandOffers(before) : mention ? this.peopleOffers(mention[2]) : [],
    );
    this.showUsage();
  }

  commandOffers(typed) {
    return this.commands
      .filter((each) => each.command.startsWith(typed) && each.command !== typed)
      .map((each) => ({
        content: [
          el("b", {}, each.command),
          el("span", { class: "offer-hint" }, each.usage_hint),
          el("span", { class: "offer-note" }, each.description),
        ],
        replaces: typed,
        text: `${each.command} `,
      }));
  }

  peopleOffers(typed) {
    const begins = (word) => word.toLowerCase().startsWith(typed.toLowerCase());
    return this.people
      .filter((user) => user.name !== typed && (begins(user.name) || user.real_name.split(" ").some(begins)))
      .map((user) => ({
        content: [
          avatar(user, "avatar avatar-small"),
          el("b", {}, user.real_name),
          el("span", { class: "offer-note" }, `@${user.name}`),
        ],
        replaces: `@${typed}`,
        text: `@${user.name} `,
      }));
  }

  // What a command takes stays in sight while its words are typed.
  showUsage() {
    const [word] = this.box.value.split(/\s/, 1);
    const command = this.list.hidden && this.commands.find((each) => each.command === word);
    this.hint.hidden = !command;
    if (command) this.hint.replaceChildren(el("b", {}, command.command), ` ${command.usage_hint}`);
  }

  offer(offers) {
    this.offers = offers;
    this.list.hidden = !offers.length;
    this.list.replaceChildren(
      ...offers.map((each, index) => {
        const option = el("div", { id: `offer-${index}`, class: "offer", role: "option" }, each.content);
        // The box keeps the focus: a click that took it away would close the list before it counts.
        option.addEventListener("pointerdown", (event) => event.preventDefault());
        option.addEventListener("click", () => this.take(each));
        return option;
      }),
    );
    this.mark(0);
  }

  mark(index) {
    this.picked = index;
    [...this.list.children].forEach((option, each) =>
      option.setAttribute("aria-selected", String(each === index)),
    );
    if (this.offers.length) this.box.setAttribute("aria-activedescendant", `offer-${index}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  take({ replaces, text }) {
    const caret = this.box.selectionStart;
    this.box.setRangeText(text, caret - replaces.length, caret, "end");
    this.box.focus();
    this.changed();
  }

  key(event) {
    if (event.isComposing) return;
    const count = this.offers.length;
    if (count && event.key === "ArrowDown") this.mark((this.picked + 1) % count);
    else if (count && event.key === "ArrowUp") this.mark((this.picked - 1 + count) % count);
    else if (count && event.key === "Escape") this.offer([]);
    else if (count && (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)))
      this.take(this.offers[this.picked]);
    else if (event.key === "Enter" && !event.shiftKey) this.send();
    else return;
    event.preventDefault();
  }

  async send() {
    const text = this.box.value.trim();
    if (!text) return;
    this.box.value = "";
    this.changed();
    this.refuse("");
    const words = await this.sendText(text);
    if (!words) return;
    this.refuse(words);
    if (this.box.value) return;
    this.box.value = text;
    this.changed();
    this.offer([]);
  }

  refuse(words) {
    this.refusal.replaceChildren(
      ...(words ? [icon("caution", "icon icon-small"), el("span", {}, words)] : []),
    );
  }
}
