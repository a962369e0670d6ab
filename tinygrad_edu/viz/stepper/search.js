/* Search by name, operation, module, kind of module or shape: every word has to be found. */

class Search {
  /** @param {(key: number) => void} go leads to a hit @param {(keys: number[]) => void} mark tells all hits */
  constructor(graph, groups, go, mark) {
    Object.assign(this, { go, mark, hits: [], at: -1 });
    this.texts = graph.items.map((item, i) =>
      searchable([item.name, item.op, item.title, graph.path(i), item.shape && shapeText(item.shape)]),
    );
    groups.list.forEach((group, g) => {
      if (group.kind === "module")
        this.texts[groups.key(g)] = searchable([group.box.path, group.box.kind, group.box.name]);
    });
    this.field = byId("search");
    this.field.addEventListener("input", () => this.#find());
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.next(event.shiftKey ? -1 : 1);
      if (event.key === "Escape") this.clear();
    });
    byId("search-next").addEventListener("click", () => this.next(1));
    byId("search-back").addEventListener("click", () => this.next(-1));
  }

  #find() {
    const words = searchable([this.field.value]).trim().split(/\s+/).filter(Boolean);
    this.hits = [];
    if (words.length)
      this.texts.forEach((text, key) => words.every((word) => text.includes(word)) && this.hits.push(key));
    this.at = -1;
    this.mark(this.hits);
    this.#tell();
  }

  #tell() {
    const some = this.hits.length > 0;
    const none = this.field.value.trim() ? "nothing found" : "";
    byId("hits").textContent = some
      ? this.at < 0
        ? `${this.hits.length} found`
        : `${this.at + 1} of ${this.hits.length}`
      : none;
    for (const id of ["search-next", "search-back"]) byId(id).disabled = !some;
  }

  /** Go to the next hit, or the one before. */
  next(by) {
    if (!this.hits.length) return;
    this.at = this.at < 0 && by < 0 ? this.hits.length - 1 : (this.at + by + this.hits.length) % this.hits.length;
    this.#tell();
    this.go(this.hits[this.at]);
  }

  clear() {
    this.field.value = "";
    this.#find();
    this.field.blur();
  }
}

function searchable(parts) {
  return parts.filter(Boolean).join(" ").toLowerCase().replaceAll("×", "x");
}
