// Short notes at the foot of the page that go away by themselves.

import { el, icon } from "./dom.js";

const SHOWN_FOR = 6000; // milliseconds

export function toast(words) {
  const box = document.getElementById("toasts");
  if ([...box.children].some((each) => each.textContent === words)) return;
  const note = el("div", { class: "toast" }, icon("caution", "icon icon-small"), el("span", {}, words));
  box.append(note);
  setTimeout(() => note.remove(), SHOWN_FOR);
}
