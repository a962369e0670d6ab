/* All parts together: what the reader does, and what then happens. */

class App {
  constructor(graph) {
    this.graph = graph;
    this.groups = new Groups(graph);
    this.story = new Story(graph);
    this.folding = new Folding(this.groups);
    this.drawing = new Drawing(byId("canvas"), graph, this.groups, this.folding, this.story);
    this.camera = new Camera(byId("drawing"), byId("canvas"));
    this.player = new Player(this.story.last, this.story.turn, (k) => this.goTo(k));
    const actions = {
      select: (key) => this.lookAt(key),
      toggle: (group) => this.toggle(group),
      isOpen: (group) => this.folding.isOpen(group),
    };
    this.panel = new Panel(graph, this.groups, this.story, actions, isDark);
    this.search = new Search(
      graph,
      this.groups,
      (key) => this.lookAt(key),
      (keys) => this.#found(keys),
    );
    this.atRest = true; // until the first step is taken, all is shown as it is in the end
    this.followed = new Set(); // groups that were unfolded to follow the steps
  }

  start() {
    document.title = this.graph.title;
    byId("title").textContent = this.graph.title;
    writeLegend(this.graph);
    writeHelp();
    byId("legend").open = innerWidth > 760; // on a phone it would hide the drawing
    this.#listen();
    this.#redraw();
    this.camera.start();
    this.player.reached(this.story.last, `all ${counted(this.story.last, "step")} shown`, "rest");
    this.panel.showStep(null);
  }

  #listen() {
    const clicks = {
      "fold-all": () => this.#refold(() => this.folding.foldAll()),
      "unfold-level": () => this.#refold(() => this.folding.openLevel()),
      "unfold-all": () => this.#refold(() => this.#unfoldAll()),
      "zoom-in": () => this.camera.zoom(1.35),
      "zoom-out": () => this.camera.zoom(1 / 1.35),
      fit: () => this.camera.fit(),
      theme: () => this.#switchTheme(),
      "help-button": () => byId("help").showModal(),
      "help-close": () => byId("help").close(),
    };
    for (const [id, job] of Object.entries(clicks)) byId(id).addEventListener("click", job);
    byId("follow").addEventListener("change", () => this.atRest || this.goTo(this.player.k));
    byId("canvas").addEventListener("click", (event) => this.#click(event));
    byId("canvas").addEventListener("keydown", (event) => this.#keyOnNode(event));
    // Not on the SVG itself: what listens to the focus there can have it, in Chromium.
    byId("stage").addEventListener("focusin", (event) => this.#focus(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.panel.show());
    listenToKeys(this.#keys());
  }

  #keys() {
    const move = (x, y) => () => this.camera.go(this.camera.x + x, this.camera.y + y);
    return {
      ArrowRight: () => this.player.step(1),
      ArrowLeft: () => this.player.step(-1),
      " ": () => this.player.toggle(),
      Home: () => this.player.first(),
      End: () => this.player.end(),
      "+": () => this.camera.zoom(1.35),
      "=": () => this.camera.zoom(1.35),
      "-": () => this.camera.zoom(1 / 1.35),
      0: () => this.camera.fit(),
      ShiftArrowLeft: move(120, 0),
      ShiftArrowRight: move(-120, 0),
      ShiftArrowUp: move(0, 120),
      ShiftArrowDown: move(0, -120),
      "/": () => byId("search").select(),
      f: () => this.#toggleSelected(),
      a: () => byId("fold-all").click(),
      u: () => byId("unfold-level").click(),
      U: () => this.#refold(() => this.folding.foldLevel()),
      t: () => this.#switchTheme(),
      "?": () => byId("help").showModal(),
      Escape: () => this.#clear(),
    };
  }

  /** Go to step `k`, and show it everywhere. */
  goTo(k) {
    this.atRest = false;
    this.#show(k);
    this.panel.showStep(k);
    const { item } = this.story.at(k);
    if (item === null) return;
    if (byId("follow").checked) this.#follow(item);
    else this.camera.keep(this.drawing.rectangle(item));
  }

  #show(k) {
    this.drawing.update(k);
    const caption = this.story.caption(k);
    this.player.reached(k, caption, this.story.at(k).phase);
    if (!this.player.playing || this.player.speed <= 1) byId("live").textContent = caption;
  }

  /** Unfold what is around an item, and fold what was unfolded for the steps before. */
  #follow(item) {
    const around = this.groups.around(item);
    const left = Array.from(this.followed).filter((g) => !around.includes(g));
    left.forEach((g) => {
      this.folding.fold(g);
      this.followed.delete(g);
    });
    const opened = this.folding.reveal(item);
    opened.forEach((g) => this.followed.add(g));
    if (left.length || opened.length) this.#redraw();
    this.camera.centre(this.drawing.rectangle(item));
  }

  #redraw() {
    this.drawing.redraw(this.player.k, this.atRest);
    this.camera.bounds = this.drawing.layout;
  }

  /** Change what is folded, draw anew, and show the whole. */
  #refold(change) {
    change();
    this.followed.clear();
    this.#redraw();
    this.camera.start();
  }

  #unfoldAll() {
    if (!this.folding.openAll()) byId("live").textContent = `Unfolded as far as ${MOST_DRAWN} nodes go.`;
  }

  /** Fold or unfold a group; it stays where it is on the screen. */
  toggle(group) {
    const key = this.groups.key(group);
    const hold = this.camera.hold(this.drawing.rectangle(key));
    const open = this.folding.isOpen(group);
    const others = open ? this.folding.fold(group) : this.folding.unfold(group);
    this.followed.delete(group);
    this.#redraw();
    hold(this.drawing.rectangle(key));
    const words = `${this.groups.title(group)} ${open ? "folded" : "unfolded"}`;
    byId("live").textContent = others
      ? `${words}; the others were folded, as at most ${MOST_DRAWN} nodes are drawn`
      : words;
    this.select(key);
    this.#focusKey(key);
  }

  #focusKey(key) {
    const group = key - this.groups.size;
    const node = this.drawing.nodes.get(key) ?? byId("canvas").querySelector(`.box-title[data-group="${group}"]`);
    node?.focus({ preventScroll: true });
  }

  #toggleSelected() {
    const key = this.drawing.selected;
    if (key === null) return;
    const group = key >= this.groups.size ? key - this.groups.size : this.groups.around(key)[0];
    if (group !== undefined) this.toggle(group);
  }

  /** Select a node and show it in the panel. */
  select(key) {
    this.player.pause();
    this.drawing.selected = key;
    this.drawing.mark();
    this.panel.showNode(key);
  }

  /** Select a node wherever it is: unfold what is around it, and bring it to the middle. */
  lookAt(key) {
    if (this.folding.reveal(key).length) this.#redraw();
    this.select(key);
    this.camera.centre(this.drawing.rectangle(key));
  }

  #found(keys) {
    this.drawing.found = new Set(keys.map((key) => this.drawing.keyShowing(key)));
    this.drawing.mark();
  }

  #click(event) {
    const title = event.target.closest(".box-title");
    if (event.detail > 1 && event.target.closest(".box-title, .fold")) return undefined; // the first click did it
    const node = event.target.closest(".node");
    if (title) return this.toggle(Number(title.dataset.group));
    if (!node) return undefined;
    const key = Number(node.dataset.key);
    const unfolds = event.target.closest(".fold") || event.detail === 2;
    return key >= this.groups.size && unfolds ? this.toggle(key - this.groups.size) : this.select(key);
  }

  #keyOnNode(event) {
    const { key, group } = event.target.dataset;
    if (event.key === "Enter" && key !== undefined) this.select(Number(key));
    else if ((event.key === "Enter" || event.key === " ") && group !== undefined) this.toggle(Number(group));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Keep what has the focus in sight, and let `f` mean it. */
  #focus(event) {
    if (!event.target.matches(".node:focus-visible, .box-title:focus-visible")) return;
    const { key, group } = event.target.dataset;
    const focused = key !== undefined ? Number(key) : this.groups.key(Number(group));
    this.drawing.selected = focused;
    this.drawing.mark();
    if (key !== undefined) this.camera.keep(this.drawing.rectangle(focused));
  }

  #switchTheme() {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    this.panel.show();
  }

  #clear() {
    this.search.clear();
    this.drawing.selected = null;
    this.drawing.mark();
    this.panel.key = null;
    this.panel.showStep(this.atRest ? null : this.player.k);
  }
}

/** Tell whether the page is dark now. */
function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

const LEGEND = [
  ["operation", "operation"],
  ["second", "operation of a backward pass"],
  ["parameter", "parameter"],
  ["leaf", "leaf"],
  ["frozen", "frozen parameter"],
  ["input", "data, outside the graph"],
  ["group", "folded"],
];

/** Write which colours mean what: those that are there. */
function writeLegend(graph) {
  const kinds = new Set(
    graph.items.map((item) => (item.kind === "operation" && item.stage === "backward" ? "second" : item.kind)),
  );
  if (graph.boxes.length || graph.items.length > LONGEST_LIST) kinds.add("group");
  const entries = LEGEND.filter(([kind]) => kinds.has(kind)).map(([kind, text]) =>
    element("li", {}, element("span", { class: `swatch ${kind}` }), text),
  );
  byId("legend-body").replaceChildren(
    element("ul", {}, ...entries),
    ...(graph.scale.empty ? [] : [scaleLegend(graph.scale)]),
  );
}

/** A bar of the colours of gradients' magnitudes, by powers of ten. */
function scaleLegend(scale) {
  const bar = element("canvas", { width: 60, height: 1, class: "bar", "aria-hidden": "true" });
  const pixels = bar.getContext("2d");
  for (let i = 0; i < 60; i++) {
    pixels.fillStyle = css(magnitudeColour(i / 59));
    pixels.fillRect(i, 0, 1, 1);
  }
  const power = (exponent) => element("span", {}, "10", element("sup", { text: String(exponent).replace("-", "−") }));
  const middle = (scale.low + scale.high) / 2;
  const marks = [power(scale.low), ...(Number.isInteger(middle) ? [power(middle)] : []), power(scale.high)];
  return element(
    "div",
    { class: "scale" },
    element("span", { text: "gradient ‖grad‖" }),
    bar,
    element("div", { class: "ends" }, ...marks),
  );
}

new App(new Graph(JSON.parse(byId("data").textContent))).start();
