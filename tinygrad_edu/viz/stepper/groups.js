/* What can be folded, as a tree: modules, neighbours that do the same, and stretches of long lists. */

const LONGEST_LIST = 160; // so many things stand side by side in one box before the middle of them is folded
const ENDS = 24; // so many are then shown at either end
const PARTS = 30; // into so many parts a stretch is divided

/**
 * One thing to fold.
 * @typedef {object} Group
 * @property {"root"|"module"|"run"|"stretch"} kind
 * @property {number|null} parent
 * @property {number} level how many modules deep: 0 for a model itself
 * @property {number[]} entries keys of what stands in it, in forward order: items as they are, groups after them
 * @property {object} [box] of a module, what the data says
 */

/** The tree of groups. A key below `size` is an item, from there on a group. */
class Groups {
  constructor(graph) {
    this.graph = graph;
    this.size = graph.items.length;
    /** @type {Group[]} */
    this.list = [{ kind: "root", parent: null, level: -1, entries: [] }];
    this.of = new Int32Array(this.size); // the innermost group of each item
    this.#readModules();
    this.#foldRuns();
    this.#foldLongLists();
    this.#countContents();
  }

  key(group) {
    return this.size + group;
  }

  /** Return the group of a key, null for an item. */
  get(key) {
    return key < this.size ? null : this.list[key - this.size];
  }

  /** Return the number of the group in which a key stands. */
  parentOf(key) {
    return key < this.size ? this.of[key] : this.list[key - this.size].parent;
  }

  /** List the groups around a key, innermost first, without the root. */
  around(key) {
    const found = [];
    for (let g = this.parentOf(key); g !== 0 && g !== null; g = this.list[g].parent) found.push(g);
    return found;
  }

  #readModules() {
    this.graph.boxes.forEach((box) => {
      const parent = isThere(box.parent) ? box.parent + 1 : 0;
      this.list.push({ kind: "module", box, parent, level: box.path ? box.path.split(".").length : 0, entries: [] });
    });
    const placed = new Set([0]);
    this.graph.items.forEach((item, i) => {
      this.of[i] = isThere(item.box) ? item.box + 1 : 0;
      // A module stands where its first operation stands; a parameter of it may come long before.
      if (item.kind === "operation") this.#place(this.of[i], placed);
      this.list[this.of[i]].entries.push(i);
    });
    this.list.forEach((group, g) => group.entries.length && this.#place(g, placed));
  }

  #place(group, placed) {
    for (let g = group; !placed.has(g); g = this.list[g].parent) {
      placed.add(g);
      this.list[this.list[g].parent].entries.push(this.key(g));
    }
  }

  /** Gather neighbouring modules that do the same under one group. */
  #foldRuns() {
    const modules = this.list.length;
    for (let parent = 0; parent < modules; parent++) {
      const gathered = [];
      let run = null;
      for (const key of this.list[parent].entries) {
        const number = this.get(key)?.box?.run ?? null;
        if (number !== null && run?.number === number) run.keys.push(key);
        else if (number !== null) gathered.push((run = { number, keys: [key] }));
        else {
          gathered.push({ keys: [key] });
          if (this.graph.items[key]?.kind === "operation") run = null;
        }
      }
      this.list[parent].entries = gathered.map(({ keys }) =>
        keys.length > 1 ? this.#gather("run", parent, keys) : keys[0],
      );
    }
  }

  /** Put entries of a group into a new one, and return its key. */
  #gather(kind, parent, entries) {
    const group = this.list.length;
    const { level } = this.list[parent];
    this.list.push({ kind, parent, level: kind === "run" ? level + 1 : level, entries });
    for (const key of entries) {
      if (key < this.size) this.of[key] = group;
      else this.list[key - this.size].parent = group;
    }
    return this.key(group);
  }

  #foldLongLists() {
    for (let g = 0; g < this.list.length; g++) {
      const { entries, kind } = this.list[g]; // stretches are added to the list, and divided in their turn
      if (kind === "stretch") this.list[g].entries = this.#divided(g, entries);
      else if (entries.length > LONGEST_LIST) {
        const middle = this.#gather("stretch", g, entries.slice(ENDS, -ENDS));
        this.list[g].entries = [...entries.slice(0, ENDS), middle, ...entries.slice(-ENDS)];
      }
    }
  }

  #divided(group, entries) {
    if (entries.length <= 2 * PARTS) return entries;
    const length = Math.ceil(entries.length / PARTS);
    const parts = [];
    for (let i = 0; i < entries.length; i += length) parts.push(entries.slice(i, i + length));
    return parts.map((part) => (part.length > 1 ? this.#gather("stretch", group, part) : part[0]));
  }

  /** Sum up for every group what is inside. */
  #countContents() {
    for (const group of this.list)
      Object.assign(group, { operations: 0, parameters: 0, first: Infinity, last: -1, norms: null });
    this.graph.items.forEach((item, i) => {
      const norm = ["parameter", "leaf"].includes(item.kind) && item.grad ? normOf(item.grad) : null;
      const own = ["parameter", "frozen"].includes(item.kind) ? sizeOf(item.shape) : 0;
      for (let g = this.of[i]; g !== null; g = this.list[g].parent) {
        const group = this.list[g];
        group.parameters += own;
        if (norm !== null) group.norms = widened(group.norms, norm);
        if (item.kind !== "operation") continue;
        group.operations += 1;
        group.first = Math.min(group.first, i);
        group.last = i;
      }
    });
  }

  /** Return what a group is called on its node or box. */
  title(group) {
    const { kind, box, entries, operations } = this.list[group];
    if (kind === "module") return `${box.name || "model"}${box.call > 1 ? ` (call ${box.call})` : ""}`;
    if (kind === "run") {
      const [first, last] = [entries[0], entries.at(-1)].map((key) => this.get(key).box.name);
      return first === last ? `${first} ×${entries.length}` : `${first} … ${last} ×${entries.length}`;
    }
    return kind === "stretch"
      ? `… ${operations ? counted(operations, "operation") : counted(entries.length, "value")}`
      : this.graph.title;
  }

  /** Return the kind of module that a group is of, "" where there is none. */
  moduleKind(group) {
    const { kind, box, entries } = this.list[group];
    if (kind === "run") return this.get(entries[0]).box.kind;
    return kind === "module" && box.kind !== this.title(group) ? box.kind : "";
  }
}

function widened(range, value) {
  return range ? [Math.min(range[0], value), Math.max(range[1], value)] : [value, value];
}
