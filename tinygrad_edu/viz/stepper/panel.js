/* The panel beside the drawing: what the step does, or all about the node that is selected. */

class Panel {
  /** @param {object} actions select(key), toggle(group) */
  constructor(graph, groups, story, actions, isDark) {
    Object.assign(this, { graph, groups, story, actions, isDark, view: "step", k: null, key: null });
    this.body = byId("panel-body");
    this.cards = new StepCards(graph, story, (item) => this.#link(item), isDark);
    this.tabs = { step: byId("tab-step"), node: byId("tab-node") };
    for (const [view, tab] of Object.entries(this.tabs)) tab.addEventListener("click", () => this.turnTo(view));
    byId("panel-size").addEventListener("click", () => this.#resize());
  }

  #resize() {
    const large = byId("panel").classList.toggle("large");
    byId("panel-size").setAttribute("aria-expanded", String(large));
  }

  turnTo(view) {
    this.view = view;
    this.show();
  }

  /** Show what step `k` does; null: what there is to see. */
  showStep(k) {
    this.k = k;
    this.turnTo("step");
  }

  showNode(key) {
    this.key = key;
    this.turnTo("node");
  }

  /** Write the panel anew. */
  show() {
    for (const [view, tab] of Object.entries(this.tabs)) {
      tab.setAttribute("aria-selected", String(view === this.view));
    }
    this.body.setAttribute("aria-labelledby", this.tabs[this.view].id);
    this.body.replaceChildren(this.view === "step" ? this.cards.card(this.k) : this.#node());
    this.body.scrollTop = 0;
  }

  /** A button that leads to an item. */
  #link(i) {
    const { kind } = this.graph.items[i];
    const text = this.graph.called(i);
    return element("button", {
      type: "button",
      class: `link ${kind}`,
      "data-item": i,
      text,
      title: KINDS[kind],
      click: () => this.actions.select(i),
    });
  }

  #node() {
    if (this.key === null) return element("p", { class: "quiet", text: WORDS.nothingSelected });
    const group = this.groups.get(this.key);
    return element(
      "section",
      { class: "node-card", "data-key": this.key },
      ...(group ? this.#group(this.key - this.groups.size, group) : this.#item(this.key)),
    );
  }

  #group(g, group) {
    const parts = [element("p", { class: "phase", text: GROUPS[group.kind] }), heading2(this.groups.title(g))];
    const kind = this.groups.moduleKind(g);
    const rows = [];
    if (kind) rows.push(["kind", kind]);
    if (group.box) rows.push(["path", group.box.path || "(the model)"]);
    if (group.box?.call) rows.push(["call", `number ${group.box.call}`]);
    rows.push(["contains", `${counted(group.entries.length, "part")}, ${counted(group.operations, "operation")}`]);
    if (group.parameters) rows.push(["parameters", `${count(group.parameters)} numbers`]);
    if (group.norms)
      rows.push([
        "gradients",
        `‖grad‖ of parameters and leaves from ${show(group.norms[0], 3)} to ${show(group.norms[1], 3)}`,
      ]);
    parts.push(table(rows));
    parts.push(
      element("button", {
        type: "button",
        class: "action",
        text: this.actions.isOpen(g) ? "Fold (f)" : "Unfold (f)",
        click: () => this.actions.toggle(g),
      }),
    );
    return parts;
  }

  #item(i) {
    const item = this.graph.items[i];
    const dark = this.isDark();
    const name = item.kind === "operation" ? item.op || item.title : item.name || item.kind;
    const parts = [
      element("p", {
        class: "phase",
        text: `${KINDS[item.kind]}${item.stage === "backward" ? ", made by a backward pass" : ""}`,
      }),
      heading2(item.kind === "operation" && item.name ? `${name} → ${item.name}` : name),
    ];
    if (item.what) parts.push(plainText("p", item.what));
    if (item.cut) parts.push(element("p", { class: "notice", text: CUTS[item.cut] ?? item.cut }));
    if (item.kind === "frozen") parts.push(element("p", { class: "notice", text: WORDS.frozen }));
    parts.push(table(this.#facts(i)));
    if (item.sources.length) parts.push(heading3("Inputs"), this.#inputs(i));
    if (this.graph.users[i].length) parts.push(heading3("Used by"), this.#users(i));
    if (item.value) parts.push(heading3("Value"), roled("value", tensorView(item.value, "value", dark)));
    if (item.grad) parts.push(heading3("Gradient"), roled("gradient", tensorView(item.grad, "gradient", dark)));
    if (item.kept.length) parts.push(heading3("Kept for the backward pass"), this.#kept(item.kept));
    if (item.freed) parts.push(element("p", { class: "notice", text: WORDS.keptIsFreed }));
    return parts;
  }

  #facts(i) {
    const item = this.graph.items[i];
    const rows = [];
    if (item.shape) rows.push(["shape", `${shapeText(item.shape)} ${item.dtype ?? ""}`]);
    if (this.graph.path(i)) rows.push(["module", this.graph.path(i)]);
    if (item.title && item.kind === "operation") rows.push(["grad_fn", item.title]);
    for (const [name, value] of Object.entries(item.arguments)) rows.push([name, value]);
    if (item.line)
      rows.push(["line", `${item.line.file}:${item.line.number}`], ["", element("code", { text: item.line.code })]);
    return rows;
  }

  #inputs(i) {
    const { sources } = this.graph.items[i];
    const entries = sources.map((source, position) => {
      const constant = this.graph.constant(i, position) ?? "a number";
      const from = isThere(source.item) ? this.#link(source.item) : constant;
      const formula = source.derivative
        ? element("p", { class: "formula" }, element("code", { text: source.derivative }))
        : element("p", {
            class: "quiet",
            text: this.graph.isDifferentiated(i, position) ? WORDS.ownBackward : WORDS.noGradient,
          });
      return element("li", {}, element("span", { class: "quiet", text: `${source.name || position} ` }), from, formula);
    });
    return element("ul", { class: "inputs" }, ...entries);
  }

  #users(i) {
    const users = Array.from(new Set(this.graph.users[i]));
    const shown = users.slice(0, 12).map((user) => this.#link(user));
    return element("p", { class: "links" }, ...shown, users.length > 12 ? ` and ${users.length - 12} more` : null);
  }

  #kept(kept) {
    return table(
      kept.map(({ what, bytes: number, leaf }) => [what, `${bytes(number)}${leaf ? ", a leaf's own memory" : ""}`]),
    );
  }
}

/** A table of names and what stands behind them. */
function table(rows) {
  const made = rows.map(([name, value]) =>
    element("tr", {}, element("th", { scope: "row", text: name }), element("td", {}, value)),
  );
  return element("table", { class: "facts-table" }, element("tbody", {}, ...made));
}
