/* Which layer each node of a level stands in: longest paths, then short edges; and the dots that long edges pass. */

const DOTS_PER_EDGE = 12; // beyond so many on average, the longest edges are drawn straight

/** Return the layer of every node: below all that it is made from, sources just above their first user. */
function ranksOf({ nodes, edges }) {
  const order = ["in", "node", "out"].flatMap((kind) => Array.from(nodes.keys()).filter((v) => nodes[v].kind === kind));
  const place = new Int32Array(nodes.length);
  order.forEach((v, i) => (place[v] = i));
  const before = nodes.map(() => []);
  const after = nodes.map(() => []);
  for (const { from, to } of edges) {
    if (place[from] >= place[to]) continue;
    before[to].push(from);
    after[from].push(to);
  }
  const rank = new Int32Array(nodes.length);
  const hasPorts = nodes.some(({ kind }) => kind === "in");
  for (const v of order) {
    rank[v] = before[v].reduce(
      (highest, u) => Math.max(highest, rank[u] + 1),
      nodes[v].kind === "node" && hasPorts ? 1 : 0,
    );
  }
  const last = rank.reduce((a, b) => Math.max(a, b), 0);
  order.filter((v) => nodes[v].kind === "out").forEach((v) => (rank[v] = last));
  pullDown(order, nodes, before, after, rank);
  return rank;
}

/** Move nodes down towards their users where more edges get shorter than longer. */
function pullDown(order, nodes, before, after, rank) {
  for (const v of order.toReversed()) {
    if (nodes[v].kind !== "node" || !after[v].length) continue;
    const lowest = after[v].reduce((least, w) => Math.min(least, rank[w]), Infinity) - 1;
    const held = before[v].filter((u) => before[u].length || nodes[u].kind === "in").length;
    if (held < after[v].length && lowest > rank[v]) rank[v] = lowest;
  }
}

/** A level in layers: its nodes, and dots where an edge passes a layer, joined from layer to layer. */
class Layers {
  constructor(level, rank, sizes) {
    this.level = level;
    this.rank = Array.from(rank);
    this.widths = sizes.map((size) => size.width);
    this.nodes = level.nodes.length; // from here on dots
    this.above = this.rank.map(() => []);
    this.below = this.rank.map(() => []);
    /** @type {Array<number[]|null>} the dots of each edge; null where it is drawn straight */
    this.dots = level.edges.map(() => null);
    this.#leadEdges();
    this.layers = Array.from({ length: this.rank.reduce((a, b) => Math.max(a, b), 0) + 1 }, () => []);
  }

  /** Make dots. Edges that carry the same share them, and part where they have to. */
  #leadEdges() {
    const { edges } = this.level;
    const chains = new Map();
    let room = DOTS_PER_EDGE * edges.length + 1000;
    const span = (edge) => this.rank[edge.to] - this.rank[edge.from];
    const shortFirst = Array.from(edges.keys()).sort((a, b) => span(edges[a]) - span(edges[b]));
    for (const e of shortFirst) {
      const { from, source } = edges[e];
      const id = `${from},${source}`;
      if (!chains.has(id)) chains.set(id, []);
      const chain = chains.get(id);
      room -= Math.max(span(edges[e]) - 1 - chain.length, 0);
      if (span(edges[e]) > 0 && room >= 0) this.#lead(e, chain);
    }
  }

  #lead(e, chain) {
    const { from, to, fromOffset, toOffset } = this.level.edges[e];
    const needed = this.rank[to] - this.rank[from] - 1;
    while (chain.length < needed) {
      const dot = this.rank.push(this.rank[from] + chain.length + 1) - 1;
      this.widths.push(0);
      this.above.push([]);
      this.below.push([]);
      this.#join(chain.at(-1) ?? from, dot, chain.length ? 0 : fromOffset, 0);
      chain.push(dot);
    }
    this.dots[e] = chain.slice(0, needed);
    this.#join(needed ? chain[needed - 1] : from, to, needed ? 0 : fromOffset, toOffset);
  }

  #join(upper, lower, upperOffset, lowerOffset) {
    this.below[upper].push({ to: lower, own: upperOffset, other: lowerOffset });
    this.above[lower].push({ to: upper, own: lowerOffset, other: upperOffset });
  }

  isDot(v) {
    return v >= this.nodes;
  }
}
