// The app's Home tab, as the app published it for one person.

import { drawBlocks } from "./blocks.js";
import { el, icon } from "./dom.js";
import { Surface } from "./surface.js";

export class HomeTab {
  constructor({ user, app, names, broken }) {
    Object.assign(this, { user, app, names, broken });
    this.body = el("div", { class: "home-body" });
    this.refusal = el("p", { class: "message-refusal", role: "alert" });
    this.node = el(
      "div",
      { class: "home", role: "tabpanel", "aria-label": "Home", tabindex: "0" },
      this.body,
      this.refusal,
    );
    this.show(null);
  }

  show(view) {
    this.view = view;
    if (!view) {
      this.body.replaceChildren(
        el(
          "div",
          { class: "home-empty" },
          icon("home"),
          el("p", {}, `${this.app.name} has not filled this page yet.`),
        ),
      );
      return;
    }
    if (this.surface?.target.view_id !== view.id)
      this.surface = new Surface({
        user: this.user,
        names: this.names,
        broken: this.broken,
        target: { view_id: view.id },
        refused: (words) =>
          this.refusal.replaceChildren(
            ...(words ? [icon("caution", "icon icon-small"), el("span", {}, words)] : []),
          ),
      });
    this.body.replaceChildren(el("div", { class: "blocks" }, drawBlocks(view.blocks, this.surface)));
  }
}
