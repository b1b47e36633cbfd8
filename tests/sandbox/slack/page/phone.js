// A small phone that shows what phones show of a message: the words of its `text`, and no blocks.

import * as api from "./api.js";
import { el } from "./dom.js";
import { withEmoji } from "./mrkdwn.js";
import { ago, clockTime, lockScreenDate, moment, now } from "./time.js";

const SHOWN = 4;
const SETTLE = 150; // milliseconds, so that a burst of events asks once

export class Phone {
  constructor() {
    this.time = el("span", { class: "phone-time" });
    this.date = el("span", { class: "phone-date" });
    this.list = el("ol", { class: "phone-list" });
    this.node = el(
      "section",
      { class: "phone", "aria-label": "Phone notifications", tabindex: "0" },
      el(
        "div",
        { class: "phone-screen" },
        el("div", { class: "phone-clock", "aria-hidden": "true" }, this.date, this.time),
        this.list,
      ),
    );
    this.notifications = [];
  }

  refresh(user, broken) {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      try {
        const { notifications } = await api.phone(user);
        this.show(notifications);
      } catch (error) {
        broken(error);
      }
    }, SETTLE);
  }

  show(notifications) {
    this.notifications = notifications;
    const newest = [...notifications].sort((one, other) => Number(other.ts) - Number(one.ts)).slice(0, SHOWN);
    this.list.replaceChildren(
      ...newest.map((each) =>
        el(
          "li",
          { class: "notification", "data-ts": each.ts },
          el(
            "div",
            { class: "notification-head" },
            el("strong", {}, each.title),
            el("time", {}, ago(moment(each.ts))),
          ),
          el("p", {}, withEmoji(each.text)),
        ),
      ),
    );
    if (!newest.length) this.list.append(el("li", { class: "phone-empty" }, "No notifications"));
  }

  tick() {
    const [date, time] = [lockScreenDate(now()), clockTime(now())];
    if (date === this.date.textContent && time === this.time.textContent) return;
    this.date.textContent = date;
    this.time.textContent = time;
    this.show(this.notifications);
  }
}
