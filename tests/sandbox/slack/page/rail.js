// The left rail: whose eyes one looks through, and where one can look. It only draws and tells what was
// chosen.

import { avatar, el, icon } from "./dom.js";

/** `choose` is {person(id), place(id)}; `here` the conversation that is open. */
export function drawRail({ world, people, here, choose, connected }) {
  const me = people.get(world.me);
  const places = (...kinds) => world.conversations.filter((each) => kinds.includes(each.kind));
  return [
    el(
      "div",
      { class: "rail-head" },
      el("span", { class: "team-mark", "aria-hidden": "true" }, world.team.name[0]),
      el(
        "div",
        {},
        el("strong", {}, world.team.name),
        el(
          "span",
          { class: connected ? "line" : "line line-lost", role: "status" },
          connected ? "Connected" : "Reconnecting…",
        ),
      ),
    ),
    personSwitch(world, me, choose.person),
    group(
      "Channels",
      places("channel").map((each) =>
        place(each, [icon("hash"), el("span", { class: "place-name" }, each.name)], here, choose.place),
      ),
    ),
    group(
      "Direct messages",
      places("dm").map((each) =>
        place(each, [icon("chat"), el("span", { class: "place-name" }, each.name)], here, choose.place),
      ),
    ),
    group(
      "Apps",
      places("app_dm").map((each) =>
        place(
          each,
          [
            avatar(people.get(world.app.user_id), "avatar avatar-small"),
            el("span", { class: "place-name" }, world.app.name),
          ],
          here,
          choose.place,
        ),
      ),
    ),
    el("p", { class: "rail-foot" }, "A sandbox on this machine. Nothing here reaches Slack."),
  ];
}

function personSwitch(world, me, choose) {
  const options = world.users.map((user) =>
    el("option", { value: user.id, selected: user.id === world.me }, user.real_name),
  );
  const select = el("select", { "aria-label": "You are", onchange: () => choose(select.value) }, options);
  return el(
    "div",
    { class: "person" },
    avatar(me),
    el(
      "div",
      { class: "person-words", "aria-hidden": "true" },
      el("span", { class: "person-you" }, "You are"),
      el("strong", {}, me.real_name),
      el("span", { class: "person-role" }, me.role),
    ),
    icon("down", "icon icon-small"),
    select,
  );
}

function group(name, entries) {
  if (!entries.length) return null;
  const id = `rail-${name.toLowerCase().replace(/\W/g, "-")}`;
  return el(
    "section",
    { class: "rail-group", "aria-labelledby": id },
    el("h2", { id }, name),
    el("ul", {}, entries),
  );
}

function place(conversation, content, here, choose) {
  const unread = conversation.unread > 0;
  return el(
    "li",
    {},
    el(
      "button",
      {
        type: "button",
        class: unread ? "place place-unread" : "place",
        "aria-current": conversation.id === here ? "page" : null,
        "data-channel": conversation.id,
        onclick: () => choose(conversation.id),
      },
      content,
      badge(conversation.unread),
    ),
  );
}

export function badge(unread) {
  return unread > 0
    ? el("span", { class: "badge" }, String(unread), el("span", { class: "unseen" }, " unread"))
    : null;
}
