/* Which groups are open, and so what can be seen. */

const MOST_AT_FIRST = 60; // so many nodes are shown at first where the reader asked for no depth
const MOST_DRAWN = 2000;

class Folding {
  /** @param {Groups} groups */
  constructor(groups) {
    this.groups = groups;
    this.open = new Set([0]);
    if (isThere(groups.graph.depth)) this.openTo(groups.graph.depth);
    else while (this.openLevel(MOST_AT_FIRST));
  }

  isOpen(group) {
    return this.open.has(group);
  }

  /** Count the nodes that are drawn now. */
  visible() {
    let number = 0;
    for (const g of this.open) number += this.groups.list[g].entries.filter((key) => !this.#opened(key)).length;
    return number;
  }

  #opened(key) {
    return key >= this.groups.size && this.open.has(key - this.groups.size);
  }

  /** Unfold modules that are fewer than so many levels deep; equal neighbours stay folded. */
  openTo(depth) {
    const waiting = [0];
    let room = MOST_DRAWN - this.visible();
    while (waiting.length) {
      for (const key of this.groups.list[waiting.pop()].entries) {
        const group = this.groups.get(key);
        if (group?.kind !== "module" || group.level >= depth || group.entries.length > room) continue;
        room -= group.entries.length - 1;
        this.open.add(key - this.groups.size);
        waiting.push(key - this.groups.size);
      }
    }
  }

  /** Unfold all that is folded and visible, one level deep, if at most so many nodes result; returns whether. */
  openLevel(most = MOST_DRAWN) {
    const closed = this.#closed().filter((g) => this.groups.list[g].kind !== "stretch");
    const more = closed.reduce((sum, g) => sum + this.groups.list[g].entries.length - 1, 0);
    if (!closed.length || this.visible() + more > most) return false;
    closed.forEach((g) => this.open.add(g));
    return true;
  }

  #closed() {
    const found = [];
    for (const g of this.open) {
      for (const key of this.groups.list[g].entries) {
        if (key >= this.groups.size && !this.#opened(key)) found.push(key - this.groups.size);
      }
    }
    return found;
  }

  /** Unfold everything, outer groups first, as far as the limit allows. Returns whether all of it was. */
  openAll() {
    let room = MOST_DRAWN - this.visible();
    for (let closed = this.#closed(); closed.length; closed = this.#closed()) {
      for (const g of closed) {
        room -= this.groups.list[g].entries.length - 1;
        if (room < 0) return false;
        this.open.add(g);
      }
    }
    return true;
  }

  /** Fold everything. */
  foldAll() {
    this.open = new Set([0]);
  }

  /** Fold the deepest of what is open. */
  foldLevel() {
    const depth = (g) => this.groups.around(this.groups.key(g)).length;
    const deepest = Math.max(...Array.from(this.open, depth));
    for (const g of this.open) if (g !== 0 && depth(g) === deepest) this.open.delete(g);
  }

  fold(group) {
    for (const g of this.open) {
      if (g === group || this.groups.around(this.groups.key(g)).includes(group)) this.open.delete(g);
    }
  }

  /** Unfold a group and what is around it. Where that were too much to draw, fold all others; returns whether. */
  unfold(group) {
    const wanted = [group, ...this.groups.around(this.groups.key(group))];
    wanted.forEach((g) => this.open.add(g));
    if (this.visible() <= MOST_DRAWN) return false;
    this.open = new Set([0, ...wanted]);
    return true;
  }

  /** Unfold what is around a key, so that it can be seen. Returns the groups that were folded. */
  reveal(key) {
    const folded = this.groups.around(key).filter((g) => !this.open.has(g));
    if (folded.length) this.unfold(folded[0]);
    return folded;
  }

  /** Return for every group the outermost folded one around it (itself counts), or -1 where all is open. */
  #hiddenBy() {
    const { list } = this.groups;
    const hidden = new Int32Array(list.length).fill(-1);
    const waiting = [0];
    while (waiting.length) {
      const g = waiting.pop();
      for (const key of list[g].entries) {
        if (key < this.groups.size) continue;
        const inner = key - this.groups.size;
        hidden[inner] = hidden[g] >= 0 ? hidden[g] : this.open.has(inner) ? -1 : inner;
        waiting.push(inner);
      }
    }
    return hidden;
  }

  /** Return for every item the key of the node that stands for it. */
  nodes() {
    const hidden = this.#hiddenBy();
    return Int32Array.from(this.groups.of, (g, i) => (hidden[g] < 0 ? i : this.groups.key(hidden[g])));
  }
}
