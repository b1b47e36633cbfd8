// Makes DOM nodes from plain values. Text becomes text nodes only: nothing here, or anywhere on the page,
// parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * `el("button", {class: "x", onclick: f, "aria-label": "y"}, "text", node)`. Null, undefined and false
 * are left out.
 */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

/**
 * A drawing of art.svg. It is decoration: the words beside it, or the aria-label of its button, name the
 * thing.
 */
export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `art.svg#${name}`);
  svg.append(use);
  return svg;
}

/** The address if a browser may follow it from here, else null: `javascript:` and its kin are never links. */
export function safeAddress(address) {
  if (!URL.canParse(address)) return null;
  return ["http:", "https:", "mailto:"].includes(new URL(address).protocol) ? address : null;
}

/** A person's initials on her tint; the app has its own mark. `user` is {real_name, tint} or {is_app}. */
export function avatar(user, className = "avatar") {
  if (user.is_app)
    return el("span", { class: `${className} avatar-app`, "aria-hidden": "true" }, icon("relatch"));
  const letters = user.real_name
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((word) => [...word][0].toUpperCase());
  return el("span", { class: `${className} tint-${user.tint ?? "none"}`, "aria-hidden": "true" }, letters);
}
