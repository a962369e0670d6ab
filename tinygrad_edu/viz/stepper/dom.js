/* Making elements. Text enters the page as text nodes and attributes only, never as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an HTML element. Attributes that are functions listen to the event of that name; "text" is its text; null and
 * false are left out.
 */
function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make an SVG element, see `element`. */
function shape(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Return the element with an id. */
function byId(id) {
  return document.getElementById(id);
}

/** Tell whether the reader asked for little motion. */
function wantsStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

const ruler = document.createElement("canvas").getContext("2d");
const widths = new Map();

/** Return how many pixels a text is wide in a CSS font. */
function textWidth(text, font) {
  const key = `${font}\n${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    ruler.font = font;
    width = ruler.measureText(text).width;
    widths.set(key, width);
  }
  return width;
}

/** Shorten a text with "…" in the middle so that it is at most so many pixels wide. */
function fitted(text, font, room) {
  if (textWidth(text, font) <= room) return text;
  const letters = Array.from(text);
  let low = 0;
  let high = letters.length;
  const cut = (n) =>
    letters.slice(0, Math.ceil(n / 2)).join("") + "…" + letters.slice(letters.length - Math.floor(n / 2)).join("");
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (textWidth(cut(middle), font) <= room) low = middle;
    else high = middle - 1;
  }
  return cut(low);
}
