// Block Kit's blocks as DOM nodes: what stands still. What can be pressed is drawn by elements.js.

import { el } from "./dom.js";
import { draw } from "./elements.js";
import { plainText, textObject, unescaped } from "./mrkdwn.js";

/** All `blocks` of one Surface, in order. `errors` is {block_id: words} of a refused submit. */
export function drawBlocks(blocks, surface, errors = {}) {
  return blocks.map((block) => {
    const drawer = DRAWERS[block.type];
    return drawer ? drawer(block, surface, errors[block.block_id]) : unknown(block.type);
  });
}

const unknown = (type) => el("p", { class: "block block-unknown" }, `This page does not draw “${type}”.`);

const element = (each, block, surface) => draw(each, block, surface) ?? unknown(each.type);

function picture(image, className) {
  return el("img", {
    class: className,
    src: unescaped(image.image_url),
    alt: image.alt_text,
    loading: "lazy",
  });
}

function section(block, surface) {
  const accessory = block.accessory;
  return el(
    "div",
    { class: accessory ? "block block-section has-accessory" : "block block-section" },
    el(
      "div",
      { class: "section-body" },
      block.text ? el("div", { class: "mrkdwn" }, textObject(block.text, surface.names)) : null,
      block.fields
        ? el(
            "div",
            { class: "fields" },
            block.fields.map((field) => el("div", { class: "mrkdwn" }, textObject(field, surface.names))),
          )
        : null,
    ),
    accessory
      ? el(
          "div",
          { class: "accessory" },
          accessory.type === "image"
            ? picture(accessory, "accessory-image")
            : element(accessory, block, surface),
        )
      : null,
  );
}

function context(block, surface) {
  return el(
    "div",
    { class: "block block-context" },
    block.elements.map((each) =>
      each.type === "image"
        ? picture(each, "context-image")
        : el("span", { class: "mrkdwn" }, textObject(each, surface.names)),
    ),
  );
}

let inputCount = 0;

function input(block, surface, error) {
  const id = `input-${++inputCount}`;
  const control = element(block.element, block, surface);
  const label = el(
    control.matches("input, select, textarea") ? "label" : "div",
    { id: `${id}-label`, class: "input-label" },
    plainText(block.label.text),
    block.optional ? el("span", { class: "input-optional" }, " (optional)") : null,
  );
  const hint = block.hint
    ? el("p", { id: `${id}-hint`, class: "input-hint" }, plainText(block.hint.text))
    : null;
  const failure = error ? el("p", { id: `${id}-error`, class: "input-error", role: "alert" }, error) : null;
  if (label.tagName === "LABEL") {
    control.id = id;
    label.htmlFor = id;
  } else control.setAttribute("aria-labelledby", label.id);
  const described = [hint, failure]
    .filter(Boolean)
    .map((node) => node.id)
    .join(" ");
  if (described) control.setAttribute("aria-describedby", described);
  if (error) control.setAttribute("aria-invalid", "true");
  return el(
    "div",
    { class: "block block-input", "data-block-id": block.block_id },
    label,
    control,
    failure,
    hint,
  );
}

const DRAWERS = {
  section,
  context,
  input,
  header: (block) => el("h3", { class: "block block-header" }, plainText(block.text.text)),
  divider: () => el("hr", { class: "block block-divider" }),
  actions: (block, surface) =>
    el(
      "div",
      { class: "block block-actions" },
      block.elements.map((each) => element(each, block, surface)),
    ),
  image: (block) =>
    el(
      "figure",
      { class: "block block-image" },
      block.title ? el("figcaption", {}, plainText(block.title.text)) : null,
      picture(block, "image"),
    ),
};
