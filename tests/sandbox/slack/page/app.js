// The sandbox's workspace in a browser: who looks, at what, and what arrives live. The drawing is done by
// the modules it calls.

import * as api from "./api.js";
import { Composer } from "./composer.js";
import { Modals } from "./dialogs.js";
import { avatar, el, icon } from "./dom.js";
import { HomeTab } from "./home.js";
import { MessageList } from "./messages.js";
import { Panel } from "./panel.js";
import { badge, drawRail } from "./rail.js";
import { toast } from "./toasts.js";

const TINTS = 6; // as many as style.css has
const NARROW = matchMedia("(max-width: 900px)");
const rail = document.getElementById("rail");
const main = document.getElementById("main");
const shade = document.getElementById("shade");

const broken = (error) => {
  console.error(error);
  toast(error.message);
};

/** Everything that one person sees. Another person is another Session; this one is then left. */
class Session {
  static async enter(user, place) {
    await api.whoami(user);
    return new Session(await api.world(user), place);
  }

  constructor(world, place) {
    this.world = world;
    this.user = world.me;
    const app = { id: world.app.user_id, name: world.app.name, real_name: world.app.name, is_app: true };
    this.names = {
      me: this.user,
      people: new Map(
        [app, ...world.users.map((user, index) => ({ ...user, tint: index % TINTS }))].map((user) => [
          user.id,
          user,
        ]),
      ),
      channels: new Map(world.conversations.map((each) => [each.id, each.name])),
    };
    this.modals = new Modals({ user: this.user, names: this.names, broken });
    this.connected = true;
    const known =
      world.conversations.find((each) => each.id === place.channel) ??
      world.conversations.find((each) => each.kind === "app_dm") ??
      world.conversations[0];
    this.enter(known.id, place.tab);
    // What happens is handled one by one, so that an event never overtakes the reload before it.
    this.queue = Promise.resolve();
    this.end = api.stream(this.user, {
      onOpen: () => this.inTurn(() => this.reload()),
      onEvent: (event) => this.inTurn(() => this.happened(event)),
      onLost: () => this.line(false),
    });
  }

  inTurn(step) {
    this.queue = this.queue.then(step).catch(broken);
  }

  leave() {
    this.end();
    this.modals.closeAll();
  }

  get conversation() {
    return this.world.conversations.find((each) => each.id === this.channel);
  }

  open(channel, tab) {
    this.enter(channel, tab);
    this.inTurn(() => this.fill());
    if (!NARROW.matches && this.tab === "messages") this.composer.box.focus();
  }

  // The frame of a place, still empty.
  enter(channel, tab = "messages") {
    this.channel = channel;
    this.tab = this.conversation.kind === "app_dm" && tab === "home" ? "home" : "messages";
    this.conversation.unread = this.tab === "messages" ? 0 : this.conversation.unread;
    const shared = { user: this.user, app: this.world.app, names: this.names, broken };
    this.list = new MessageList({ ...shared, channel });
    this.home = new HomeTab(shared);
    this.composer = new Composer({
      placeholder: `Message ${this.title()}`,
      commands: this.world.app.commands,
      people: [...this.names.people.values()].filter((each) => !each.is_app),
      send: (text) => this.send(text),
    });
    this.draw();
    showRail(false);
    history.replaceState(null, "", `?${new URLSearchParams({ user: this.user, channel, tab: this.tab })}`);
  }

  async fill() {
    const { list, home, channel } = this;
    if (this.tab === "messages") {
      list.show((await api.messages(this.user, channel)).messages, this.introduction());
      return;
    }
    // The app has seconds to answer a visit, and nothing else waits for that.
    const before = home.view;
    api
      .openHome(this.user)
      // What the stream brought in the meantime is newer than this answer.
      .then(({ view }) => home.view === before && home.show(view))
      .catch(broken);
  }

  async reload() {
    this.line(true);
    const { conversations } = await api.world(this.user);
    this.world.conversations = conversations;
    if (this.tab === "messages") this.conversation.unread = 0;
    this.draw();
    await Promise.all([this.fill(), panel.refresh()]);
    this.ring();
  }

  /** Redraws what is open, as when the clock moved and "today" became "yesterday". */
  refresh() {
    if (this.tab === "home") this.home.show(this.home.view);
    else this.inTurn(() => this.fill());
    this.ring();
  }

  ring() {
    panel.phone.refresh(this.user, broken);
  }

  line(connected) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.draw();
  }

  async send(text) {
    try {
      const answer = await api.send(this.user, this.channel, text);
      return answer.ok ? "" : answer.words;
    } catch (error) {
      broken(error);
      return "This was not sent.";
    }
  }

  happened(event) {
    const here = event.channel === this.channel && this.tab === "messages";
    switch (event.type) {
      case "message":
      case "ephemeral":
        if (here) this.list.add(event);
        return this.ring();
      case "edit":
      case "ephemeral_edit":
        if (here) this.list.edit(event);
        return this.ring();
      case "delete":
        if (here) this.list.remove(event.ts);
        return this.ring();
      case "view_open":
        return this.modals.open(event.view);
      case "view_update":
        return this.modals.update(event.view);
      case "view_close":
        return this.modals.close(event.view_id);
      case "home":
        return this.tab === "home" && this.home.show(event.view);
      case "badge":
        return this.count(event);
      case "switches":
        return panel.refresh();
    }
  }

  count({ channel, unread }) {
    const conversation = this.world.conversations.find((each) => each.id === channel);
    if (!conversation) return;
    const seen = channel === this.channel && this.tab === "messages";
    conversation.unread = seen ? 0 : unread;
    if (seen && unread) api.messages(this.user, channel).catch(broken); // Asking for them is what makes them read.
    this.draw();
  }

  title() {
    return this.conversation.kind === "channel"
      ? `#${this.conversation.name}`
      : this.conversation.kind === "app_dm"
        ? this.world.app.name
        : this.conversation.name;
  }

  introduction() {
    const words = {
      channel: `This is the beginning of ${this.title()}.`,
      dm: `This is the beginning of your messages with ${this.title()}.`,
      app_dm: `What ${this.title()} tells you here, only you can read.`,
    };
    return el("p", { class: "introduction" }, words[this.conversation.kind]);
  }

  draw() {
    const choose = { person: (id) => enter(id, {}), place: (id) => this.open(id) };
    const focused = rail.contains(document.activeElement) ? document.activeElement.dataset.channel : null;
    rail.replaceChildren(
      ...drawRail({
        world: this.world,
        people: this.names.people,
        here: this.channel,
        choose,
        connected: this.connected,
      }).filter(Boolean),
    );
    if (focused) rail.querySelector(`[data-channel="${CSS.escape(focused)}"]`)?.focus();
    const unread = this.world.conversations.reduce((sum, each) => sum + each.unread, 0);
    document.title = `${unread ? `(${unread}) ` : ""}${this.title()} – ${this.world.team.name}`;
    this.drawMain();
  }

  drawMain() {
    const body = this.tab === "home" ? [this.home.node] : [this.list.node, this.composer.node];
    const head = this.head();
    const [oldHead, ...oldBody] = main.children;
    // The body keeps its scroll position and its focus as long as it is the same.
    if (oldHead && body.length === oldBody.length && body.every((node, index) => node === oldBody[index]))
      oldHead.replaceWith(head);
    else main.replaceChildren(head, ...body);
  }

  head() {
    const isApp = this.conversation.kind === "app_dm";
    return el(
      "header",
      { class: isApp ? "main-head main-head-app" : "main-head" },
      el(
        "div",
        { class: "main-title" },
        el(
          "button",
          {
            type: "button",
            class: "plain-button only-narrow",
            "aria-label": "Open navigation",
            onclick: () => showRail(true),
          },
          icon("menu"),
        ),
        isApp ? avatar(this.names.people.get(this.world.app.user_id), "avatar avatar-small") : null,
        el("h1", {}, this.title()),
        isApp ? el("span", { class: "app-tag" }, "App") : null,
        el(
          "button",
          {
            type: "button",
            class: "panel-toggle",
            "aria-expanded": String(isPanelShown()),
            "aria-controls": "panel",
            onclick: () => showPanel(!isPanelShown()),
          },
          icon("spanner"),
          "Break things",
        ),
      ),
      isApp ? this.tabs() : null,
    );
  }

  tabs() {
    const tab = (id, name, extra) =>
      el(
        "button",
        {
          type: "button",
          role: "tab",
          "aria-selected": String(this.tab === id),
          onclick: () => this.open(this.channel, id),
        },
        name,
        extra,
      );
    return el(
      "div",
      { class: "tabs", role: "tablist", "aria-label": this.title() },
      tab("home", "Home"),
      tab("messages", "Messages", badge(this.conversation.unread)),
    );
  }
}

let session = null;

async function enter(user, place) {
  try {
    const next = await Session.enter(user, place);
    session?.leave();
    session = next;
  } catch (error) {
    broken(error);
  }
}

const isPanelShown = () => document.body.classList.contains("with-panel");

function showPanel(shown) {
  document.body.classList.toggle("with-panel", shown);
  document.getElementById("panel").inert = !shown;
  showShade();
  session?.draw();
}

function showRail(shown) {
  document.body.classList.toggle("with-rail", shown);
  showShade();
}

function showShade() {
  shade.hidden = !NARROW.matches || !(document.body.classList.contains("with-rail") || isPanelShown());
}

const panel = new Panel({ close: () => showPanel(false), moved: () => session?.refresh(), broken });

function start() {
  document.getElementById("panel").replaceChildren(...panel.nodes);
  showPanel(!NARROW.matches);
  NARROW.addEventListener("change", () => showPanel(!NARROW.matches));
  shade.addEventListener("click", () => {
    showRail(false);
    if (NARROW.matches) showPanel(false);
  });
  // Another tab may have become somebody else. Sign-in pages ask the cookie, so the tab one looks at has
  // the say.
  document.addEventListener(
    "visibilitychange",
    () => !document.hidden && session && api.whoami(session.user).catch(broken),
  );
  const asked = new URLSearchParams(location.search);
  enter(asked.get("user") ?? "", { channel: asked.get("channel"), tab: asked.get("tab") ?? undefined });
}

start();
