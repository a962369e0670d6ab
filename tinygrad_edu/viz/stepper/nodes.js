/* How a node looks: its size, what it is made of, and what it says at a step. */

const SANS = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
const TITLE_FONT = `600 13px ${SANS}`;
const TEXT_FONT = `11.5px ${SANS}`;
const BOX_FONT = `600 12.5px ${SANS}`;
const NUMBER_FONT = `12.5px ${SANS}`;
const NODE = { padding: 10, title: 24, row: 20, least: 84, most: 230, cell: 62 };
const GRAD = "‖grad‖ ";
const MORE = " …"; // after a sum to which more will be added
const MOST_SUMS = 8;

/** Looks of nodes, for one graph and its groups. */
class NodeLooks {
  constructor(graph, groups, story) {
    Object.assign(this, { graph, groups, story });
  }

  /** Return the rows of a node: its title, a line of text, and what shows the gradient. */
  rows(key) {
    const group = this.groups.get(key);
    return group ? this.#groupRows(key - this.groups.size, group) : this.#itemRows(key);
  }

  #itemRows(i) {
    const item = this.graph.items[i];
    const operation = item.kind === "operation";
    const title = operation
      ? item.op || item.title
      : this.#shortName(i) || (item.kind === "input" ? "input" : item.kind);
    const name = operation && item.name && item.name !== title ? item.name : "";
    const number = isNumber(item);
    const hasGrad = Boolean(item.grad) || this.story.terms[i].length > 0;
    const text = number && item.value ? "" : item.shape ? shapeText(item.shape) : "several outputs";
    const cells = number ? [item.value && "data", hasGrad && "grad"].filter(Boolean) : [];
    const kind = item.stage === "backward" && operation ? "second" : item.kind;
    return { title, name, text, strip: hasGrad && !number, cells, kind };
  }

  /** Return the name of an item without the path of the box that it is drawn in. */
  #shortName(i) {
    const path = this.graph.path(i);
    const { name } = this.graph.items[i];
    return path && name.startsWith(`${path}.`) ? name.slice(path.length + 1) : name;
  }

  #groupRows(g, group) {
    const kind = this.groups.moduleKind(g);
    const turns = [group.first, group.last].map((i) => count(this.story.computedAt[i] ?? 0));
    const parts = [kind, group.kind === "stretch" ? `steps ${turns.join(" – ")}` : counted(group.operations, "op")];
    if (group.parameters) parts.push(`${count(group.parameters)} params`);
    const text = group.operations ? parts.filter(Boolean).join(" · ") : "";
    const stacked = group.kind === "run" || group.kind === "stretch";
    return {
      title: this.groups.title(g),
      name: "",
      text,
      strip: group.norms !== null,
      cells: [],
      kind: "group",
      stacked,
    };
  }

  /** Return the size of a node. */
  measure(key) {
    const { title, name, text, strip, cells, kind } = this.rows(key);
    const heading = textWidth(name ? `${title} → ${name}` : title, TITLE_FONT) + (kind === "group" ? 22 : 0);
    const widest = Math.max(
      heading,
      textWidth(text, TEXT_FONT),
      strip ? textWidth(`${GRAD}0.0001 … 0.0001`.slice(0, kind === "group" ? 99 : 15), TEXT_FONT) : 0,
    );
    const room = cells.map((name) => this.#cellWidth(key, name)).reduce((a, b) => a + b, 0);
    const width = Math.round(
      Math.min(Math.max(widest + 2 * NODE.padding, NODE.least, room), Math.max(NODE.most, room)),
    );
    return { width, height: NODE.title + (text ? NODE.row - 3 : 0) + (cells.length ? 34 : strip ? NODE.row : 4) };
  }

  /** Return how wide the cell of a number's node has to be for all that will stand in it. */
  #cellWidth(i, name) {
    const texts = name === "data" ? [show(single(this.graph.items[i].value), 4)] : this.#gradTexts(i);
    return texts.reduce((widest, text) => Math.max(widest, textWidth(text, NUMBER_FONT) + 14), NODE.cell);
  }

  #gradTexts(i) {
    const { grad } = this.graph.items[i];
    const terms = this.story.terms[i].slice(0, MOST_SUMS).map((term) => term.product);
    const sums = terms.length > 1 ? terms.map((_, n) => show(single(sumOf(terms.slice(0, n + 1))), 4) + MORE) : [];
    return grad ? [...sums, show(single(grad), 4)] : sums;
  }

  /** Return how wide the title of an open box is. */
  titleWidth(group) {
    return textWidth(this.boxTitle(group), BOX_FONT) + 48;
  }

  boxTitle(group) {
    const kind = this.groups.moduleKind(group);
    return kind ? `${this.groups.title(group)} · ${kind}` : this.groups.title(group);
  }

  /** Make the SVG of a node. */
  draw(key, { x, y, width, height }) {
    const rows = this.rows(key);
    const node = shape("g", {
      class: `node ${rows.kind}`,
      role: "button",
      tabindex: 0,
      "data-key": key,
      transform: `translate(${x},${y})`,
    });
    const radius = ["operation", "second", "group"].includes(rows.kind) ? 8 : 15;
    if (rows.stacked) node.append(shape("rect", { class: "pile", x: 5, y: 5, width, height, rx: 8 }));
    node.append(shape("rect", { class: "face", width, height, rx: radius }));
    node.append(heading(rows, width));
    let top = NODE.title;
    if (rows.text) {
      node.append(
        shape("text", { class: "shape", x: width / 2, y: top + 9, text: fitted(rows.text, TEXT_FONT, width - 10) }),
      );
      top += NODE.row - 3;
    }
    if (rows.cells.length)
      drawCells(
        node,
        rows.cells,
        rows.cells.map((name) => this.#cellWidth(key, name)),
        width,
        top,
      );
    else if (rows.strip) drawStrip(node, width, height, radius);
    return node;
  }

  /** Write onto a node what is known at a step. */
  update(node, key, k) {
    const group = this.groups.get(key);
    const state = group ? this.#groupState(group, k) : this.#itemState(key, k);
    node.classList.toggle("waiting", state.waiting);
    node.setAttribute("aria-label", this.#label(key, state));
    write(node, ".data", state.data);
    write(node, ".grad", state.grad);
    const colour = node.querySelector(".colour");
    if (!colour) return;
    colour.setAttribute("fill", state.colour ? css(state.colour) : "none");
    node.querySelector(".grad").style.fill = state.colour ? readableOn(state.colour) : "";
  }

  #itemState(i, k) {
    const item = this.graph.items[i];
    const waiting = !this.story.isComputed(i, k);
    const value = single(item.value);
    const gradient = this.story.gradient(i, k);
    const data = waiting || value === null ? "" : show(value, 4);
    const norm = gradient && normOf(gradient.sum);
    const more = gradient && !gradient.whole ? MORE : "";
    if (isNumber(item)) {
      const sum = gradient && single(gradient.sum);
      return { waiting, data, grad: sum === null ? "" : show(sum, 4) + more };
    }
    if (norm === null) return { waiting, data, grad: "" };
    if (norm === undefined)
      return { waiting, data, grad: `${gradient.terms.length} of ${this.story.terms[i].length} terms` };
    return { waiting, data, grad: GRAD + show(norm, 3) + more, colour: this.graph.scale.colour(norm) };
  }

  #groupState(group, k) {
    const waiting = group.operations > 0 && this.story.computedAt[group.first] > k;
    if (group.norms === null || k < this.#wholeAt(group)) return { waiting, data: "", grad: "" };
    const [low, high] = group.norms;
    const grad = GRAD + (low === high ? show(high, 3) : `${show(low, 2)} … ${show(high, 2)}`);
    return { waiting, data: "", grad, colour: this.graph.scale.colour(high) };
  }

  /** Return the step after which all leaves in a group have their gradients. */
  #wholeAt(group) {
    if (group.wholeAt !== undefined) return group.wholeAt;
    for (const each of this.groups.list) each.wholeAt = -1;
    this.graph.items.forEach((item, i) => {
      if (item.kind === "operation") return;
      const at = this.story.completeAt(i);
      for (let g = this.groups.of[i]; g !== null; g = this.groups.list[g].parent) {
        this.groups.list[g].wholeAt = Math.max(this.groups.list[g].wholeAt, at);
      }
    });
    return group.wholeAt;
  }

  #label(key, { data, grad }) {
    const group = this.groups.get(key);
    if (group) return `${this.boxTitle(key - this.groups.size)}, folded, ${counted(group.operations, "operation")}`;
    const item = this.graph.items[key];
    const parts = [this.graph.called(key), KINDS[item.kind]];
    if (item.kind === "operation" && item.name) parts.push(item.op || item.title);
    if (item.shape) parts.push(`shape ${shapeText(item.shape)}`);
    if (data) parts.push(`value ${data}`);
    if (grad) parts.push(`gradient ${grad.replace(GRAD, "norm ")}`);
    return parts.join(", ");
  }
}

function heading({ title, name, kind }, width) {
  const room = width - 2 * NODE.padding + 4 - (kind === "group" ? 20 : 0);
  const whole = fitted(name ? `${title} → ${name}` : title, TITLE_FONT, room);
  const text = shape("text", { class: "title", x: width / 2 + (kind === "group" ? 9 : 0), y: 17, text: whole });
  if (kind !== "group") return text;
  const sign = shape("path", { class: "fold-sign", d: "M10,8 l5,4.5 l-5,4.5 z" });
  const area = shape("rect", { class: "fold-area", width, height: NODE.title, rx: 8 });
  return shape("g", { class: "fold" }, area, sign, text, shape("title", { text: `Unfold ${title}` }));
}

/** Cells side by side, for the data and the gradient of a single number. */
function drawCells(node, names, widths, width, top) {
  const more = (width - widths.reduce((a, b) => a + b)) / widths.length;
  let left = 0;
  node.append(shape("line", { class: "rule", x1: 0, x2: width, y1: top + 1, y2: top + 1 }));
  names.forEach((name, i) => {
    const middle = left + (widths[i] + more) / 2;
    node.append(shape("text", { class: "caption", x: middle, y: top + 12, text: name }));
    node.append(shape("text", { class: `number ${name}`, x: middle, y: top + 27 }));
    if (i) node.append(shape("line", { class: "rule", x1: left, x2: left, y1: top + 1, y2: top + 34 }));
    left += widths[i] + more;
  });
}

/** A strip at the bottom whose colour is the gradient's magnitude. */
function drawStrip(node, width, height, radius) {
  const [x, y, wide, high, r] = [1, height - NODE.row, width - 2, NODE.row - 1, radius - 1];
  const corner = (dx, dy) => `a${r},${r} 0 0 1 ${dx},${dy}`;
  const d = `M${x},${y} h${wide} v${high - r} ${corner(-r, r)} h${2 * r - wide} ${corner(-r, -r)} z`;
  node.append(shape("path", { class: "colour", d, fill: "none" }));
  node.append(shape("text", { class: "number grad", x: width / 2, y: height - 6 }));
}

function write(node, selector, text) {
  const place = node.querySelector(selector);
  if (place && place.textContent !== text) place.textContent = text ?? "";
}
