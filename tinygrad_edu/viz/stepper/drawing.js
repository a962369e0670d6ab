/* The drawing: what is visible, laid out, as SVG; and what a step changes in it. */

class Drawing {
  /** @param {SVGElement} canvas the group that the camera moves */
  constructor(canvas, graph, groups, folding, story) {
    Object.assign(this, { canvas, graph, groups, folding, story });
    this.looks = new NodeLooks(graph, groups, story);
    this.selected = null;
    this.found = new Set();
  }

  /** Lay out and draw all that is visible now. */
  redraw(k, atRest) {
    this.layout = layOut(
      this.folding,
      (key) => this.looks.measure(key),
      (group) => this.looks.titleWidth(group),
    );
    this.nodeOf = this.folding.nodes();
    this.nodes = new Map();
    this.edges = this.layout.edges.map((edge) => ({ edge, line: drawEdge(edge, this.graph) }));
    this.into = new Map();
    for (const drawn of this.edges) {
      for (const [i, position] of drawn.edge.uses) this.into.set(`${i},${position}`, drawn);
    }
    const boxes = Array.from(this.layout.boxes, ([group, rectangle]) => this.#box(group, rectangle));
    for (const drawn of this.edges) drawn.label = drawMultiplicity(drawn.edge, this.graph);
    this.pills = shape("g", { class: "pills" });
    const keys = Array.from(this.layout.nodes.keys()).sort((a, b) => this.#first(a) - this.#first(b));
    for (const key of keys) this.nodes.set(key, this.looks.draw(key, this.layout.nodes.get(key)));
    this.canvas.replaceChildren(
      ...boxes.map(({ frame }) => frame),
      ...this.edges.map(({ line }) => line),
      ...this.edges.map(({ label }) => label).filter(Boolean),
      ...boxes.map(({ title }) => title),
      ...this.nodes.values(),
      this.pills,
    );
    this.lit = [];
    this.update(k, atRest);
    this.mark();
  }

  /** Return where a node stands in forward order. */
  #first(key) {
    const group = this.groups.get(key);
    return group ? Math.min(group.first, this.groups.size) : key;
  }

  #box(group, { x, y, width, height }) {
    const depth = this.groups.around(this.groups.key(group)).length;
    const text = this.looks.boxTitle(group);
    const wide = textWidth(text, BOX_FONT) + 30;
    const { kind } = this.groups.list[group];
    const frame = shape("rect", {
      class: `box ${kind} depth${depth % 2}`,
      x,
      y,
      width,
      height,
      rx: 10,
      "data-group": group,
    });
    const title = shape(
      "g",
      {
        class: "box-title",
        role: "button",
        tabindex: 0,
        "data-group": group,
        "aria-expanded": "true",
        "aria-label": `${text}, unfolded; fold it`,
        transform: `translate(${x + 4},${y + 4})`,
      },
      shape("rect", { width: wide, height: 22, rx: 7 }),
      shape("path", { class: "fold-sign", d: "M7,8 h9 l-4.5,6 z" }),
      shape("text", { x: 21, y: 15.5, text }),
      shape("title", { text: `Fold ${text}` }),
    );
    return { frame, title };
  }

  /** Show step `k` on all nodes and edges; at rest without the step itself. */
  update(k, atRest = false) {
    for (const [key, node] of this.nodes) this.looks.update(node, key, k);
    this.lit.forEach((lit) => lit.classList.remove("current", "goes-forward", "goes-back"));
    this.lit = [];
    this.pills.replaceChildren();
    const { phase, item, sent } = this.story.at(k);
    if (item === null || atRest) return;
    this.#light(this.nodes.get(this.nodeOf[item]), "current", phase === "backward" ? "goes-back" : "goes-forward");
    if (phase === "forward") this.#lightInputs(item);
    else this.#lightSent(item, sent);
  }

  #light(drawn, ...classes) {
    if (!drawn) return;
    drawn.classList.add(...classes);
    this.lit.push(drawn);
  }

  #lightInputs(item) {
    this.graph.items[item].sources.forEach((_, position) => {
      this.#light(this.into.get(`${item},${position}`)?.line, "goes-forward");
    });
  }

  /** Show which way gradients flow, and how much. */
  #lightSent(item, sent) {
    const along = new Map();
    for (const each of sent) {
      const drawn = this.into.get(`${item},${each.source}`);
      if (!drawn) continue;
      this.#light(drawn.line, "goes-back");
      this.#light(drawn.label, "goes-back");
      along.set(drawn, [...(along.get(drawn) ?? []), each]);
    }
    const incoming = this.graph.items[item].grad;
    for (const [{ edge }, flows] of along) {
      const room = this.layout.nodes.get(edge.from).width + BESIDE;
      this.pills.append(drawPill(edge, pillTexts(incoming, flows).find((text) => pillWidth(text) <= room) ?? "…"));
    }
  }

  /** Mark what is selected and what was found. */
  mark() {
    const selected = this.selected === null ? null : this.keyShowing(this.selected);
    for (const [key, node] of this.nodes) {
      node.classList.toggle("selected", key === selected);
      node.classList.toggle("found", this.found.has(key));
    }
  }

  /** Return the key of the node that stands for a key now: itself, or the folded group around it. */
  keyShowing(key) {
    const closed = this.groups
      .around(key)
      .filter((g) => !this.folding.isOpen(g))
      .at(-1);
    return closed === undefined ? key : this.groups.key(closed);
  }

  /** Return the rectangle of a node, or of the open box, of a key. */
  rectangle(key) {
    const showing = this.keyShowing(key);
    return this.layout.nodes.get(showing) ?? this.layout.boxes.get(showing - this.groups.size);
  }
}
