// Block Kit's interactive elements: buttons, menus, choices and inputs. Each reads and writes its Surface;
// none knows the server.

import { el, icon, safeAddress } from "./dom.js";
import { confirmed } from "./dialogs.js";
import { openMenu } from "./menu.js";
import { plainText, textObject, unescaped } from "./mrkdwn.js";

const words = (text) => unescaped(text.text);

/** Draws `element` of `block`; null for a kind that this page does not draw. */
export function draw(element, block, surface) {
  return DRAWERS[element.type]?.(element, block, surface) ?? null;
}

// An input block keeps its value until submit. Everywhere else, and with dispatch_action, a choice is sent
// at once.
const sendsAtOnce = (block) => block.type !== "input" || block.dispatch_action === true;

const agreed = async (element, surface) => !element.confirm || confirmed(element.confirm, surface.names);

async function pressed(node, element, block, surface, chosen) {
  if (node.getAttribute("aria-busy") === "true") return;
  node.setAttribute("aria-busy", "true");
  await surface.press(block, element, chosen);
  node.removeAttribute("aria-busy");
}

async function chosen(node, element, block, surface, value, undo) {
  if (!(await agreed(element, surface))) {
    undo();
    return;
  }
  surface.set(block, element, value);
  if (sendsAtOnce(block)) await pressed(node, element, block, surface, value);
}

function button(element, block, surface) {
  const href = element.url && safeAddress(unescaped(element.url));
  const properties = {
    class: `button ${element.style ? `button-${element.style}` : ""}`,
    "aria-label": element.accessibility_label && unescaped(element.accessibility_label),
    "data-action-id": element.action_id,
  };
  const value = element.value === undefined ? {} : { value: element.value };
  if (href) return linkButton(element, block, surface, properties, href, value);
  const node = el("button", { type: "button", ...properties }, plainText(element.text.text));
  node.addEventListener("click", async () => {
    if (await agreed(element, surface)) pressed(node, element, block, surface, value);
  });
  return node;
}

// A link in truth, so that middle click and "copy address" work; a button to people and to tests.
function linkButton(element, block, surface, properties, href, value) {
  const node = el(
    "a",
    { ...properties, href, target: "_blank", rel: "noopener", role: "button" },
    plainText(element.text.text),
    icon("outside", "icon icon-small"),
  );
  node.addEventListener("click", async (event) => {
    if (element.confirm) {
      event.preventDefault();
      if (!(await agreed(element, surface))) return;
      window.open(href, "_blank", "noopener");
    }
    pressed(node, element, block, surface, value);
  });
  node.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    node.click();
  });
  return node;
}

function overflow(element, block, surface) {
  const label = element.accessibility_label ? unescaped(element.accessibility_label) : "More actions";
  const node = el(
    "button",
    {
      type: "button",
      class: "button button-icon",
      "aria-label": label,
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "data-action-id": element.action_id,
    },
    icon("more"),
  );
  const choose = async (option) => {
    if (!(await agreed(element, surface))) return;
    const href = option.url && safeAddress(unescaped(option.url));
    if (href) window.open(href, "_blank", "noopener");
    pressed(node, element, block, surface, { selected_option: option });
  };
  node.addEventListener("click", () =>
    openMenu(
      node,
      element.options.map((option) => ({
        content: plainText(option.text.text),
        note: option.description && words(option.description),
        choose: () => choose(option),
      })),
    ),
  );
  return node;
}

function staticSelect(element, block, surface) {
  const groups = element.option_groups ?? [{ options: element.options }];
  const options = groups.flatMap((group) => group.options);
  const kept = surface.value(block, element, {
    selected_option: element.initial_option ?? null,
  }).selected_option;
  let index = 0;
  const lists = groups.map((group) => {
    const entries = group.options.map((option) =>
      el("option", { value: String(index++), selected: option.value === kept?.value }, words(option.text)),
    );
    return group.label ? el("optgroup", { label: words(group.label) }, entries) : entries;
  });
  const pick = (value) => ({ selected_option: options[Number(value)] });
  return select(
    element,
    block,
    surface,
    lists,
    options.findIndex((option) => option.value === kept?.value),
    pick,
  );
}

function usersSelect(element, block, surface) {
  const people = [...surface.names.people.values()].filter((user) => !user.is_app);
  const kept = surface.value(block, element, { selected_user: element.initial_user ?? null }).selected_user;
  const entries = people.map((user, index) => el("option", { value: String(index) }, user.real_name));
  return select(
    element,
    block,
    surface,
    entries,
    people.findIndex((user) => user.id === kept),
    (value) => ({ selected_user: people[Number(value)].id }),
  );
}

function select(element, block, surface, entries, selected, pick) {
  const placeholder = element.placeholder ? words(element.placeholder) : "Choose one";
  const node = el(
    "select",
    {
      class: "select",
      "aria-label": block.type === "input" ? null : placeholder,
      "data-action-id": element.action_id,
    },
    el("option", { value: "", disabled: true }, placeholder),
    entries,
  );
  let before = selected < 0 ? "" : String(selected);
  node.value = before;
  node.addEventListener("change", () => {
    const value = node.value;
    chosen(node, element, block, surface, pick(value), () => (node.value = before)).then(
      () => (before = node.value),
    );
  });
  return node;
}

function radioButtons(element, block, surface) {
  const kept = surface.value(block, element, {
    selected_option: element.initial_option ?? null,
  }).selected_option;
  return choices(
    element,
    block,
    surface,
    "radio",
    (option) => option.value === kept?.value,
    (inputs) => ({
      selected_option: element.options[inputs.findIndex((input) => input.checked)] ?? null,
    }),
  );
}

function checkboxes(element, block, surface) {
  const kept = surface.value(block, element, {
    selected_options: element.initial_options ?? [],
  }).selected_options;
  return choices(
    element,
    block,
    surface,
    "checkbox",
    (option) => kept.some((each) => each.value === option.value),
    (inputs) => ({
      selected_options: element.options.filter((_, index) => inputs[index].checked),
    }),
  );
}

let groupCount = 0;

function choices(element, block, surface, type, isChecked, read) {
  const name = `choice-${++groupCount}`;
  const inputs = element.options.map((option) =>
    el("input", { type, name, value: option.value, checked: isChecked(option) }),
  );
  const label = block.type === "input" ? null : "Choices";
  const node = el(
    "div",
    {
      class: "choices",
      role: type === "radio" ? "radiogroup" : "group",
      "aria-label": label,
      "data-action-id": element.action_id,
    },
    element.options.map((option, index) =>
      el(
        "label",
        { class: "choice" },
        inputs[index],
        el(
          "span",
          {},
          textObject(option.text, surface.names),
          option.description
            ? el("span", { class: "choice-note" }, textObject(option.description, surface.names))
            : null,
        ),
      ),
    ),
  );
  const checked = () => inputs.map((input) => input.checked);
  let before = checked();
  const undo = () => inputs.forEach((input, index) => (input.checked = before[index]));
  node.addEventListener("change", () =>
    chosen(node, element, block, surface, read(inputs), undo).then(() => (before = checked())),
  );
  return node;
}

const INPUT_TYPES = {
  plain_text_input: "text",
  email_text_input: "email",
  url_text_input: "url",
  number_input: "number",
};

function textInput(element, block, surface) {
  const kept = surface.value(block, element, { value: element.initial_value ?? null }).value;
  const shared = {
    class: "input",
    value: kept ?? "",
    maxlength: element.max_length,
    autocomplete: "off",
    placeholder: element.placeholder && words(element.placeholder),
    "data-action-id": element.action_id,
  };
  const node = element.multiline
    ? el("textarea", { ...shared, rows: "4" })
    : el("input", { ...shared, type: INPUT_TYPES[element.type] });
  const value = () => ({ value: node.value === "" ? null : node.value });
  node.addEventListener("input", () => surface.set(block, element, value()));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || block.dispatch_action !== true || element.multiline) return;
    event.preventDefault();
    pressed(node, element, block, surface, value());
  });
  return node;
}

const DRAWERS = {
  button,
  overflow,
  static_select: staticSelect,
  users_select: usersSelect,
  radio_buttons: radioButtons,
  checkboxes,
  ...Object.fromEntries(Object.keys(INPUT_TYPES).map((type) => [type, textInput])),
};
