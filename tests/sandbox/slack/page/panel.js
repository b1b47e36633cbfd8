// The side panel: the clock, and every switch that breaks or mends something, as the sandbox lists them.
// It knows no switch by name.

import * as api from "./api.js";
import { el, icon } from "./dom.js";
import { Phone } from "./phone.js";
import { now, panelTime, setNow } from "./time.js";

const CLOCK_GROUP = "Time";

export class Panel {
  /**
   * `moved()` is called when the sandbox's clock jumped; `broken(error)` when the sandbox did not do
   * what was asked.
   */
  constructor({ close, moved, broken }) {
    Object.assign(this, { moved, broken });
    this.groups = new Map();
    this.rows = new Map();
    this.time = el("time", {});
    this.offset = el("span", { class: "clock-offset" });
    this.steps = el("div", { class: "clock-steps", role: "group", "aria-label": "Move the clock" });
    this.list = el("div", { class: "switches" });
    this.phone = new Phone();
    this.nodes = [
      el(
        "header",
        { class: "panel-head" },
        el(
          "div",
          {},
          el("h2", {}, "Break things"),
          el("p", {}, "Not part of Slack: the world around the bot."),
        ),
        el(
          "button",
          { type: "button", class: "plain-button", "aria-label": "Close panel", onclick: close },
          icon("close"),
        ),
      ),
      el(
        "div",
        { class: "panel-body" },
        el(
          "section",
          { class: "clock", "aria-label": "Clock" },
          el("p", { class: "clock-now" }, icon("clock"), el("span", {}, "now: ", this.time)),
          this.offset,
          this.steps,
        ),
        this.list,
      ),
      this.phone.node,
    ];
    setInterval(() => this.tick(), 1000);
  }

  tick() {
    this.time.textContent = panelTime(now());
    this.phone.tick();
  }

  async refresh() {
    const [{ groups }, clock] = await Promise.all([api.switches(), api.clock()]);
    this.show(groups);
    const jumped = setNow(clock.now);
    this.offset.textContent = offsetWords(clock.offset);
    this.tick();
    if (jumped) this.moved();
  }

  // Rows that stand are kept: a person may be about to press one, or type in it.
  show(groups) {
    for (const { name, switches } of groups) {
      for (const each of switches) {
        if (!this.rows.has(each.id))
          this.rows.set(each.id, name === CLOCK_GROUP ? this.step(each) : this.row(each, this.group(name)));
        this.rows.get(each.id).show(each.value);
      }
    }
    for (const group of this.groups.values()) group.count();
  }

  group(name) {
    if (this.groups.has(name)) return this.groups.get(name).body;
    const body = el("div", { class: "switch-rows" });
    const set = el("span", { class: "set-count" });
    this.list.append(
      el(
        "details",
        { class: "switch-group", open: true, "aria-label": name },
        el("summary", {}, icon("down", "icon icon-small"), el("span", {}, name), set),
        body,
      ),
    );
    const count = () => {
      const active = body.querySelectorAll("input[type=checkbox]:checked").length;
      set.textContent = active ? `${active} on` : "";
    };
    this.groups.set(name, { body, count });
    return body;
  }

  step(each) {
    const words = each.label.replace(/^Plus /, "+ ");
    const button = el(
      "button",
      {
        type: "button",
        class: "step",
        "aria-label": each.label,
        title: each.explain,
        "data-switch": each.id,
        onclick: () => this.set(each.id, null, button),
      },
      words,
    );
    this.steps.append(button);
    return { show: () => {} };
  }

  row(each, body) {
    const id = `explain-${each.id.replace(/\W/g, "-")}`;
    const { control, show } = KINDS[each.kind](each, id, (value) => this.set(each.id, value, control));
    body.append(
      el(
        "div",
        { class: `switch switch-${each.kind}` },
        control.parts ?? control,
        el("p", { id, class: "explain" }, each.explain),
      ),
    );
    return { show };
  }

  async set(id, value, control) {
    control.setAttribute("aria-busy", "true");
    try {
      await api.setSwitch(id, value);
      await this.refresh();
    } catch (error) {
      this.broken(error);
    }
    control.removeAttribute("aria-busy");
  }
}

const KINDS = {
  press(each, described, set) {
    const control = el(
      "button",
      {
        type: "button",
        class: "press",
        "data-switch": each.id,
        "aria-describedby": described,
        onclick: () => set(null),
      },
      each.label,
    );
    return { control, show: () => {} };
  },
  toggle(each, described, set) {
    const control = el("input", {
      type: "checkbox",
      "data-switch": each.id,
      "aria-describedby": described,
      onchange: () => set(control.checked),
    });
    control.parts = el("label", { class: "toggle" }, el("span", {}, each.label), control);
    return { control, show: (value) => (control.checked = value === true) };
  },
  number(each, described, set) {
    const control = el("input", {
      type: "number",
      min: "0",
      step: "any",
      "data-switch": each.id,
      "aria-describedby": described,
      onchange: () => set(Number(control.value)),
    });
    control.parts = el("label", { class: "number" }, el("span", {}, each.label), control);
    return {
      control,
      show: (value) => document.activeElement !== control && (control.value = String(value)),
    };
  },
};

/** `offset` in seconds. */
function offsetWords(offset) {
  const minutes = Math.round(Math.abs(offset) / 60);
  if (!minutes) return "The same as real time.";
  const parts = [
    [Math.floor(minutes / 1440), "day"],
    [Math.floor(minutes / 60) % 24, "hour"],
    [minutes % 60, "minute"],
  ];
  const words = parts
    .filter(([count]) => count)
    .map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`);
  return `${words.join(" ")} ${offset > 0 ? "ahead of" : "behind"} real time.`;
}
