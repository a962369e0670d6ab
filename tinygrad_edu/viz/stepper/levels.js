/* The visible graph, cut into one level for each open group: what stands in it, and how edges go in and out. */

/**
 * An edge between two things that can be seen, for all uses of the one by the other.
 * @typedef {object} VisibleEdge
 * @property {number} from key of the node
 * @property {number} to
 * @property {Array<[number, number]>} uses pairs of an item and the position among its sources
 * @property {Array<{group: number, edge: number}>} hops the edges of levels that it is made of
 */

/** List the visible edges, each pair of nodes once. */
function visibleEdges(graph, nodes) {
  const edges = new Map();
  const most = nodes.length * 2 + 2 ** 20;
  graph.items.forEach((item, i) => {
    item.sources.forEach((source, position) => {
      if (!isThere(source.item) || nodes[source.item] === nodes[i]) return;
      const id = nodes[source.item] * most + nodes[i];
      if (!edges.has(id)) edges.set(id, { from: nodes[source.item], to: nodes[i], uses: [], hops: [] });
      edges.get(id).uses.push([i, position]);
    });
  });
  return Array.from(edges.values());
}

/** The inside of one open group: its nodes, and ports at the border through which edges come in and leave. */
class Level {
  constructor(group) {
    this.group = group;
    /** @type {Array<{key: number, kind: "node"|"in"|"out"}>} */
    this.nodes = [];
    /** @type {Array<{from: number, to: number, source: number}>} */
    this.edges = [];
    this.places = new Map();
    this.known = new Map();
  }

  /** Return the number of a node of this level; ports are made when they are first asked for. */
  place(kind, key) {
    const id = `${kind}${key}`;
    if (!this.places.has(id)) {
      this.places.set(id, this.nodes.length);
      this.nodes.push({ key, kind });
    }
    return this.places.get(id);
  }

  /** Return the number of an edge; edges that carry the same from and to the same places are one. */
  connect(from, to, source) {
    const id = `${from},${to},${source}`;
    if (!this.known.has(id)) {
      this.known.set(id, this.edges.length);
      this.edges.push({ from, to, source });
    }
    return this.known.get(id);
  }
}

/** Make the levels of all open groups, outer ones first, and lead every edge through them. */
function levelsOf(folding, edges) {
  const { groups } = folding;
  const levels = new Map([[0, new Level(0)]]);
  for (const [g, level] of levels) {
    // a Map goes on to what is added meanwhile
    for (const key of groups.list[g].entries) {
      level.place("node", key);
      const inner = key - groups.size;
      if (inner >= 0 && folding.isOpen(inner)) levels.set(inner, new Level(inner));
    }
  }
  edges.forEach((edge) => lead(edge, groups, levels));
  return levels;
}

/** Lead an edge out of the groups around its start, and into those around its end. */
function lead(edge, groups, levels) {
  const out = [...groups.around(edge.from), 0];
  const into = [...groups.around(edge.to), 0];
  let shared = 0;
  while (out.at(-1) === into.at(-1) && out.length && into.length) {
    shared = out.pop();
    into.pop();
  }
  const hop = (group, from, to) => {
    const level = levels.get(group);
    edge.hops.push({ group, edge: level.connect(level.place(...from), level.place(...to), edge.from) });
  };
  let at = edge.from;
  for (const group of out) {
    hop(group, ["node", at], ["out", edge.from]);
    at = groups.key(group);
  }
  const steps = [...into.reverse().map((group) => groups.key(group)), edge.to];
  hop(shared, ["node", at], ["node", steps[0]]);
  into.forEach((group, i) => hop(group, ["in", edge.from], ["node", steps[i + 1]]));
}
