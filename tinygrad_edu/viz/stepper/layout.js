/* From what can be seen to where it stands: every open group is laid out by itself, inner ones first. */

const BETWEEN_LAYERS = 40;
const BETWEEN_PORTS = 20; // from a border to what stands inside
const BOX = { side: 16, top: 30, bottom: 2 };

/**
 * @typedef {object} Layout
 * @property {Map<number, {x: number, y: number, width: number, height: number}>} nodes by key; x and y of the corner
 * @property {Map<number, {x: number, y: number, width: number, height: number}>} boxes by group
 * @property {Array<VisibleEdge & {points: Array<[number, number]>}>} edges
 */

/**
 * Lay out all that is visible.
 * @param {Folding} folding
 * @param {(key: number) => {width: number, height: number}} measure size of a node
 * @param {(group: number) => number} titleWidth
 * @returns {Layout}
 */
function layOut(folding, measure, titleWidth) {
  const { groups } = folding;
  const edges = visibleEdges(groups.graph, folding.nodes());
  const levels = levelsOf(folding, edges);
  for (const level of Array.from(levels.values()).reverse()) {
    layOutLevel(level, (key) => boxSize(levels.get(key - groups.size)) ?? measure(key), levels, groups);
    if (level.group) widen(level, titleWidth(level.group) - 2 * BOX.side);
  }
  return placed(levels, groups, edges);
}

function widen(level, width) {
  const more = Math.max(width - level.width, 0);
  level.width += more;
  level.x = level.x.map((x) => x + more / 2);
}

function boxSize(level) {
  return level && { width: level.width + 2 * BOX.side, height: level.height + BOX.top + BOX.bottom };
}

/** Give every node of a level its place within the level. */
function layOutLevel(level, measure, levels, groups) {
  level.sizes = level.nodes.map(({ key, kind }) => (kind === "node" ? measure(key) : { width: 0, height: 0 }));
  for (const edge of level.edges) {
    edge.fromOffset = portOffset(level, edge.from, "out", edge.source, levels, groups);
    edge.toOffset = portOffset(level, edge.to, "in", edge.source, levels, groups);
  }
  const layered = new Layers(level, ranksOf(level), level.sizes);
  orderLayers(layered);
  level.layered = layered;
  level.x = alignLayers(layered);
  const left = level.x.reduce((least, x, v) => Math.min(least, x - layered.widths[v] / 2), Infinity);
  level.x = level.x.map((x) => x - left);
  level.width = level.x.reduce((most, x, v) => Math.max(most, x + layered.widths[v] / 2), 0);
  stackLayers(level);
}

/** Return how far from the middle of a box an edge meets it; 0 for what is no box. */
function portOffset(level, place, kind, source, levels, groups) {
  const { key, kind: own } = level.nodes[place];
  const inner = own === "node" ? levels.get(key - groups.size) : undefined;
  return inner ? inner.x[inner.place(kind, source)] - inner.width / 2 : 0;
}

/** Give every layer its top and bottom, and every node its top. */
function stackLayers(level) {
  const { layers } = level.layered;
  const isPort = (v) => level.nodes[v] && level.nodes[v].kind !== "node";
  level.tops = [];
  level.bottoms = [];
  level.y = new Float64Array(level.nodes.length);
  let y = 0;
  layers.forEach((layer, r) => {
    const height = layer.reduce((most, v) => Math.max(most, level.sizes[v]?.height ?? 0), 0);
    if (r > 0) y += layer.some(isPort) || layers[r - 1].some(isPort) ? BETWEEN_PORTS : gap(level, r);
    level.tops.push(y);
    level.bottoms.push(y + height);
    for (const v of layer) if (level.nodes[v]) level.y[v] = y + heightWithin(level, v, height);
    y += height;
  });
  level.height = y + (layers.at(-1)?.some(isPort) ? 0 : BOX.side);
}

/** Leave more room between layers where many lines lie at a slant. */
function gap(level, r) {
  const { layers, above } = level.layered;
  const slanted = layers[r].reduce(
    (sum, v) =>
      sum + above[v].filter(({ to, own, other }) => Math.abs(level.x[v] + own - level.x[to] - other) > 30).length,
    0,
  );
  return BETWEEN_LAYERS + Math.min(4 * Math.max(slanted - 2, 0), 60);
}

/** Return how far below the top of its layer a node stands: sources at the bottom, near their users. */
function heightWithin(level, v, height) {
  const spare = height - level.sizes[v].height;
  if (level.nodes[v].kind === "in") return 0;
  if (level.nodes[v].kind === "out") return height;
  return level.layered.above[v].length ? spare / 2 : spare;
}

/** Put all levels into one another, and make the edges' points. */
function placed(levels, groups, edges) {
  const layout = {
    nodes: new Map(),
    boxes: new Map(),
    edges,
    width: levels.get(0).width,
    height: levels.get(0).height,
  };
  levels.get(0).corner = [0, 0];
  for (const level of levels.values()) {
    const [left, top] = level.corner;
    level.nodes.forEach(({ key, kind }, v) => {
      if (kind !== "node") return;
      const { width, height } = level.sizes[v];
      const rectangle = { x: left + level.x[v] - width / 2, y: top + level.y[v], width, height };
      const inner = levels.get(key - groups.size);
      if (!inner) return layout.nodes.set(key, rectangle);
      inner.corner = [rectangle.x + BOX.side, rectangle.y + BOX.top];
      return layout.boxes.set(inner.group, rectangle);
    });
  }
  for (const level of levels.values()) level.landings = landings(level);
  edges.forEach((edge) => (edge.points = pointsOf(edge, levels)));
  return layout;
}

/** Return for every edge of a level where along the top of its end it lands: straight below where it comes from. */
function landings(level) {
  const found = level.edges.map(({ to, toOffset }) => level.x[to] + toOffset);
  const arriving = level.nodes.map(() => []);
  level.edges.forEach(({ to }, e) => arriving[to].push(e));
  level.nodes.forEach(({ kind }, v) => {
    const { width } = level.sizes[v];
    if (kind !== "node" || arriving[v].length < 2 || level.edges[arriving[v][0]].toOffset) return;
    spreadOut(arriving[v], found, (e) => comesFrom(level, e), level.x[v], width / 2 - 12);
  });
  return found;
}

function comesFrom(level, e) {
  const { from, fromOffset } = level.edges[e];
  const dot = level.layered.dots[e]?.at(-1);
  return dot === undefined ? level.x[from] + fromOffset : level.x[dot];
}

/** Land edges side by side within `reach` of a middle, in the order in which they come. */
function spreadOut(arriving, found, origin, middle, reach) {
  const sorted = arriving.toSorted((a, b) => origin(a) - origin(b));
  const apart = Math.min(14, (2 * reach) / (sorted.length - 1));
  const room = (e, i) => [middle - reach + i * apart, middle + reach - (sorted.length - 1 - i) * apart];
  let last = -Infinity;
  sorted.forEach((e, i) => {
    const [least, most] = room(e, i);
    last = Math.min(Math.max(origin(e), least, last + apart), most);
    found[e] = last;
  });
}

function addPoint(points, x, y) {
  const before = points.at(-1);
  if (!before || Math.abs(before[0] - x) > 0.01 || Math.abs(before[1] - y) > 0.01) points.push([x, y]);
}

/** Return the points through which a visible edge goes, from hop to hop. */
function pointsOf({ hops }, levels) {
  const points = [];
  for (const { group, edge: e } of hops) {
    const level = levels.get(group);
    const [left, top] = level.corner;
    const { from, to, fromOffset } = level.edges[e];
    const { rank, dots } = level.layered;
    const add = (x, y) => addPoint(points, left + x, top + y);
    const start = level.x[from] + fromOffset;
    add(start, level.y[from] + level.sizes[from].height);
    if (dots[e]) add(start, level.bottoms[rank[from]]);
    for (const dot of dots[e] ?? []) {
      add(level.x[dot], level.tops[rank[dot]]);
      add(level.x[dot], level.bottoms[rank[dot]]);
    }
    if (dots[e]) add(level.landings[e], level.tops[rank[to]]);
    add(level.landings[e], level.y[to]);
  }
  return points;
}
