// What lies over the workspace: confirm dialogs and modals. The side panel stays usable beside them, as it
// is no part of Slack.

import * as api from "./api.js";
import { drawBlocks } from "./blocks.js";
import { el, icon } from "./dom.js";
import { plainText, textObject } from "./mrkdwn.js";
import { Surface } from "./surface.js";

const layer = () => document.getElementById("dialogs");
let lastFocus = null;

function cover(node) {
  if (!layer().childElementCount) lastFocus = document.activeElement;
  layer().append(node);
  lock();
}

function uncover(node) {
  node.remove();
  lock();
  if (layer().childElementCount)
    layer().lastElementChild.querySelector("button, input, select, textarea")?.focus();
  else if (lastFocus?.isConnected) lastFocus.focus();
}

// Only the topmost dialog can be reached: the workspace and the dialogs below it are inert.
function lock() {
  const covers = [...layer().children];
  covers.forEach((each, index) => reach(each, index === covers.length - 1));
  reach(document.getElementById("workspace"), covers.length === 0);
  layer().hidden = covers.length === 0;
}

// Some readers, and Playwright's roles, know only aria-hidden.
function reach(node, reachable) {
  node.inert = !reachable;
  if (reachable) node.removeAttribute("aria-hidden");
  else node.setAttribute("aria-hidden", "true");
}

let titleCount = 0;

function dialog(className, title, close, ...children) {
  const id = `dialog-${++titleCount}`;
  const node = el(
    "div",
    {
      class: `dialog ${className}`,
      role: "dialog",
      "aria-modal": "true",
      "aria-labelledby": id,
      tabindex: "-1",
    },
    el(
      "header",
      { class: "dialog-head" },
      el("h2", { id }, title),
      el(
        "button",
        { type: "button", class: "plain-button", "aria-label": "Dismiss", onclick: close },
        icon("close"),
      ),
    ),
    ...children,
  );
  const whole = el("div", { class: "cover" }, node);
  whole.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  return whole;
}

/** Asks what a button's `confirm` object asks; true when the person agrees. */
export function confirmed(confirm, names) {
  return new Promise((resolve) => {
    const answer = (value) => () => {
      uncover(whole);
      resolve(value);
    };
    const yes = el(
      "button",
      { type: "button", class: `button button-${confirm.style ?? "primary"}`, onclick: answer(true) },
      plainText(confirm.confirm.text),
    );
    const whole = dialog(
      "dialog-confirm",
      plainText(confirm.title.text),
      answer(false),
      el("div", { class: "dialog-body mrkdwn" }, textObject(confirm.text, names)),
      el(
        "footer",
        { class: "dialog-foot" },
        el(
          "button",
          { type: "button", class: "button", onclick: answer(false) },
          plainText(confirm.deny.text),
        ),
        yes,
      ),
    );
    cover(whole);
    yes.focus();
  });
}

/** The modals that one person has open: Slack's stack of at most three views, the last one on top. */
export class Modals {
  constructor({ user, names, broken }) {
    Object.assign(this, { user, names, broken });
    this.stack = [];
  }

  /** Opens or pushes; a view that is here already is redrawn, so that a repeated event does no harm. */
  open(view) {
    if (this.stack.some((each) => each.view.id === view.id)) return this.update(view);
    const modal = new Modal(view, this);
    this.stack.push(modal);
    cover(modal.node);
    modal.focus();
  }

  update(view) {
    this.stack.find((each) => each.view.id === view.id)?.show(view);
  }

  close(viewId) {
    const modal = this.stack.find((each) => each.view.id === viewId);
    if (!modal) return;
    this.stack = this.stack.filter((each) => each !== modal);
    uncover(modal.node);
  }

  closeAll() {
    for (const modal of [...this.stack].reverse()) this.close(modal.view.id);
  }

  dismiss(view) {
    this.close(view.id);
    api.close(this.user, view.id).catch(this.broken);
  }
}

class Modal {
  constructor(view, modals) {
    this.view = view;
    this.modals = modals;
    this.refusal = el("p", { class: "dialog-refusal", role: "alert" });
    this.surface = new Surface({
      user: modals.user,
      names: modals.names,
      broken: modals.broken,
      target: { view_id: view.id },
      refused: (words) => this.refusal.replaceChildren(words),
    });
    this.form = el("form", {
      class: "modal-form",
      novalidate: true,
      autocomplete: "off",
      onsubmit: (event) => this.submit(event),
    });
    this.node = dialog("dialog-modal", "", () => modals.dismiss(this.view), this.form);
    this.draw({});
  }

  show(view) {
    const focused = this.form.contains(document.activeElement)
      ? document.activeElement.dataset.actionId
      : null;
    this.view = view;
    this.draw({});
    if (focused) this.form.querySelector(`[data-action-id="${CSS.escape(focused)}"]`)?.focus();
  }

  draw(errors) {
    const { title, blocks, submit, close } = this.view;
    this.node.querySelector("h2").replaceChildren(...plainText(title.text));
    this.node.firstElementChild.dataset.viewId = this.view.id;
    this.submitButton = submit
      ? el("button", { type: "submit", class: "button button-primary" }, plainText(submit.text))
      : null;
    this.form.replaceChildren(
      el("div", { class: "dialog-body blocks" }, drawBlocks(blocks, this.surface, errors)),
      this.refusal,
      el(
        "footer",
        { class: "dialog-foot" },
        el(
          "button",
          { type: "button", class: "button", onclick: () => this.modals.dismiss(this.view) },
          plainText(close?.text ?? "Close"),
        ),
        this.submitButton,
      ),
    );
  }

  focus() {
    const first = this.form.querySelector(".block-input input, .block-input select, .block-input textarea");
    (first ?? this.node.firstElementChild).focus({ preventScroll: true });
  }

  async submit(event) {
    event.preventDefault();
    if (!this.submitButton || this.submitButton.getAttribute("aria-busy") === "true") return;
    const missing = this.missing();
    if (Object.keys(missing).length) return this.fail(missing);
    this.submitButton.setAttribute("aria-busy", "true");
    this.refusal.replaceChildren();
    try {
      const answer = await api.submit(this.modals.user, this.view.id, this.surface.state(this.view.blocks));
      if (answer.errors) this.fail(answer.errors);
      else if (!answer.ok) this.refusal.replaceChildren(answer.words);
    } catch (error) {
      this.modals.broken(error);
    }
    this.submitButton?.removeAttribute("aria-busy");
  }

  // Slack's client looks for empty fields itself; the app never hears of such a submit.
  missing() {
    const values = this.surface.state(this.view.blocks).values;
    const empty = this.view.blocks.filter(
      (block) =>
        block.type === "input" &&
        !block.optional &&
        isEmpty(values[block.block_id]?.[block.element.action_id]),
    );
    return Object.fromEntries(empty.map((block) => [block.block_id, "Please complete this required field."]));
  }

  fail(errors) {
    this.draw(errors);
    this.form
      .querySelector(
        "[aria-invalid] input, input[aria-invalid], select[aria-invalid], textarea[aria-invalid]",
      )
      ?.focus();
  }
}

function isEmpty(state) {
  if (!state) return true;
  const chosen = state.value ?? state.selected_option ?? state.selected_user ?? state.selected_options;
  return chosen === null || chosen === undefined || chosen.length === 0;
}
