// A pop-up menu beside the button that opened it. It knows only labels and what to call.

import { el } from "./dom.js";

/**
 * `items` are {content, note, choose}. One menu is open at a time; Escape, Tab and a click elsewhere
 * close it.
 */
export function openMenu(opener, items) {
  const close = () => {
    menu.remove();
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    window.removeEventListener("resize", close);
    document.removeEventListener("scroll", close, true);
  };
  const outside = (event) => menu.contains(event.target) || close();
  const choose = (item) => {
    close();
    opener.focus();
    item.choose();
  };
  const menu = el(
    "div",
    { class: "menu", role: "menu" },
    items.map((item) =>
      el(
        "button",
        { type: "button", role: "menuitem", tabindex: "-1", onclick: () => choose(item) },
        el("span", {}, item.content),
        item.note ? el("span", { class: "menu-note" }, item.note) : null,
      ),
    ),
  );
  menu.addEventListener("keydown", (event) => {
    const entries = [...menu.children];
    const at = entries.indexOf(document.activeElement);
    if (event.key === "ArrowDown") entries[(at + 1) % entries.length].focus();
    else if (event.key === "ArrowUp") entries[(at - 1 + entries.length) % entries.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") {
      close();
      opener.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.body.append(menu);
  place(menu, opener.getBoundingClientRect());
  opener.setAttribute("aria-expanded", "true");
  menu.firstElementChild.focus({ preventScroll: true });
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("scroll", close, true);
  window.addEventListener("resize", close);
}

function place(menu, beside) {
  const below = beside.bottom + 4 + menu.offsetHeight < window.innerHeight;
  menu.style.top = `${below ? beside.bottom + 4 : Math.max(8, beside.top - 4 - menu.offsetHeight)}px`;
  menu.style.left = `${Math.max(8, Math.min(beside.left, window.innerWidth - menu.offsetWidth - 8))}px`;
}
