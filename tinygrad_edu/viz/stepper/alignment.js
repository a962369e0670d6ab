/*
 * Where nodes stand from left to right, with straight chains: U. Brandes and B. Köpf, "Fast and simple horizontal
 * coordinate assignment", 2001. Nodes are lined up with the median of their neighbours into blocks; the blocks are
 * pushed together; and so four times, from above and below, to the left and to the right. The middle of the four is
 * taken. Edges need not meet a node in its middle (as in U. Rüegg et al., 2015).
 */

const BESIDE = 26; // between nodes
const BESIDE_DOT = 14; // between lines, and between a line and a node

/** Return the middle of every node and dot; neighbours in a layer never overlap. */
function alignLayers(layered) {
  const conflicts = findConflicts(layered);
  leaveSources(layered, conflicts);
  const candidates = [];
  for (const up of [false, true]) {
    for (const mirrored of [false, true]) candidates.push(alignOnce(layered, conflicts, up, mirrored));
  }
  return balanced(candidates, layered);
}

/** Find edges that would bend a long edge's straight part: that long part wins. */
function findConflicts({ layers, above, rank, nodes }) {
  const conflicts = new Set();
  const place = new Int32Array(rank.length);
  layers.forEach((layer) => layer.forEach((v, i) => (place[v] = i)));
  const innerOf = (v) => (v >= nodes ? above[v].find(({ to }) => to >= nodes)?.to : undefined);
  for (let r = 1; r < layers.length; r++) {
    let left = 0;
    let done = 0;
    layers[r].forEach((v, i) => {
      const inner = innerOf(v);
      const isLast = i === layers[r].length - 1;
      if (inner === undefined && !isLast) return;
      const right = inner === undefined ? layers[r - 1].length : place[inner];
      for (; done <= i; done++) {
        const w = layers[r][done];
        for (const { to } of above[w]) {
          const isInner = to >= nodes && w >= nodes;
          if (!isInner && (place[to] < left || place[to] > right)) conflicts.add(to * rank.length + w);
        }
      }
      left = right;
    });
  }
  return conflicts;
}

/** Let sources (parameters, mostly) stand beside a chain, not in the line of it. */
function leaveSources({ above, rank, nodes, level }, conflicts) {
  const isSource = (v) => v < nodes && !above[v].length && level.nodes[v].kind === "node";
  above.forEach((edges, v) => {
    if (edges.every(({ to }) => isSource(to))) return;
    for (const { to } of edges) if (isSource(to)) conflicts.add(to * rank.length + v);
  });
}

/** Line up in one of the four ways, and return the middles. */
function alignOnce(layered, conflicts, up, mirrored) {
  const sign = mirrored ? -1 : 1;
  let layers = mirrored ? layered.layers.map((layer) => layer.toReversed()) : layered.layers;
  if (up) layers = layers.toReversed();
  const blocks = makeBlocks(layers, up ? layered.below : layered.above, conflicts, up, sign);
  const middles = pushTogether(layers, layered, blocks);
  return mirrored ? middles.map((x) => -x) : middles;
}

/** Line up every node with a median neighbour in the layer before, where no line is crossed. */
function makeBlocks(layers, beside, conflicts, up, sign) {
  const size = beside.length;
  const root = Int32Array.from({ length: size }, (_, v) => v);
  const shift = new Float64Array(size); // of the middle from the block's
  const place = new Float64Array(size);
  for (const layer of layers) {
    let reached = -1;
    layer.forEach((v, i) => (place[v] = i));
    for (const v of layer) {
      const free = beside[v].filter(({ to }) => !conflicts.has(up ? v * size + to : to * size + v));
      for (const { to, own, other } of medians(free, place, sign)) {
        if (root[v] !== v || place[to] <= reached) continue;
        root[v] = root[to];
        shift[v] = shift[to] + sign * (other - own);
        reached = place[to];
      }
    }
  }
  return { root, shift };
}

function medians(edges, place, sign) {
  if (!edges.length) return [];
  const at = ({ to, other }) => place[to] + (sign * other) / 1e6;
  const sorted = edges.toSorted((a, b) => at(a) - at(b));
  const middle = (sorted.length - 1) / 2;
  return middle % 1 ? [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]] : [sorted[middle]];
}

/** Place the blocks as far left as they go, then each as far right as its neighbours on the right allow. */
function pushTogether(layers, layered, { root, shift }) {
  const rights = root.reduce((map, r) => map.set(r, map.get(r) ?? []), new Map());
  const lefts = new Map(Array.from(rights.keys(), (r) => [r, []]));
  for (const layer of layers) {
    for (let i = 1; i < layer.length; i++) {
      const [a, b] = [layer[i - 1], layer[i]];
      const apart = distance(layered, a, b) + shift[a] - shift[b];
      rights.get(root[a]).push({ to: root[b], apart });
      lefts.get(root[b]).push({ to: root[a], apart });
    }
  }
  const order = fromLeft(rights, lefts);
  const x = new Map();
  for (const r of order)
    x.set(
      r,
      lefts.get(r).reduce((most, { to, apart }) => Math.max(most, x.get(to) + apart), 0),
    );
  for (const r of order.toReversed()) {
    const limit = rights.get(r).reduce((least, { to, apart }) => Math.min(least, x.get(to) - apart), Infinity);
    if (limit !== Infinity) x.set(r, Math.max(x.get(r), limit));
  }
  return Float64Array.from(root, (r, v) => x.get(r) + shift[v]);
}

function distance({ widths, nodes }, a, b) {
  return (widths[a] + widths[b]) / 2 + (a >= nodes || b >= nodes ? BESIDE_DOT : BESIDE);
}

/** List blocks so that each stands after all on its left. */
function fromLeft(rights, lefts) {
  const open = new Map(Array.from(lefts, ([r, list]) => [r, list.length]));
  const order = Array.from(open.keys()).filter((r) => open.get(r) === 0);
  for (const r of order) {
    // grows meanwhile
    for (const { to } of rights.get(r)) {
      open.set(to, open.get(to) - 1);
      if (open.get(to) === 0) order.push(to);
    }
  }
  return order;
}

/** Take the mean of the two middle ones of four, after putting all on the narrowest. */
function balanced(candidates, { widths }) {
  const borders = candidates.map((xs) => [
    xs.reduce((least, x, v) => Math.min(least, x - widths[v] / 2), Infinity),
    xs.reduce((most, x, v) => Math.max(most, x + widths[v] / 2), -Infinity),
  ]);
  const narrowest = borders.reduce((best, b) => (b[1] - b[0] < best[1] - best[0] ? b : best));
  const moved = candidates.map((xs, i) => {
    const by = i % 2 ? narrowest[1] - borders[i][1] : narrowest[0] - borders[i][0];
    return xs.map((x) => x + by);
  });
  return moved[0].map((_, v) => {
    const four = moved.map((xs) => xs[v]).sort((a, b) => a - b);
    return (four[1] + four[2]) / 2;
  });
}
