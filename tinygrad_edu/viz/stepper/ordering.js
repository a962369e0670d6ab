/* An order within layers in which few edges cross: again and again, nodes go to the middle of their neighbours. */

const SWEEPS = 12;

/** Put all nodes and dots into their layers, in an order with few crossings. */
function orderLayers(layered) {
  startOrder(layered);
  const { layers } = layered;
  const place = new Float64Array(layered.rank.length);
  const note = () => layers.forEach((layer) => layer.forEach((v, i) => (place[v] = i)));
  note();
  let fewest = crossings(layered, place);
  let best = layers.map((layer) => layer.slice());
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
    sweepOnce(layered, place, sweep % 2 === 0);
    const now = crossings(layered, place);
    if (now >= fewest) continue;
    fewest = now;
    best = layers.map((layer) => layer.slice());
  }
  layered.layers = best;
}

/** Start with a walk from the ends up to the sources: a tree comes out without crossings, first inputs on the left. */
function startOrder({ layers, rank, above, below }) {
  const seen = new Uint8Array(rank.length);
  const enter = (v) => {
    seen[v] = 1;
    layers[rank[v]].push(v);
    return { v, next: 0 };
  };
  for (let end = rank.length - 1; end >= 0; end--) {
    if (seen[end] || below[end].length) continue;
    const path = [enter(end)];
    while (path.length) {
      const at = path.at(-1);
      const edge = above[at.v][at.next++];
      if (!edge) path.pop();
      else if (!seen[edge.to]) path.push(enter(edge.to));
    }
  }
}

function sweepOnce({ layers, above, below, widths }, place, down) {
  const beside = down ? above : below;
  const towards = ({ to, other }) => place[to] + other / (widths[to] + 1);
  for (const layer of down ? layers : layers.toReversed()) {
    const middles = new Map(layer.map((v) => [v, beside[v].length ? mean(beside[v], towards) : place[v]]));
    layer.sort((a, b) => middles.get(a) - middles.get(b) || place[a] - place[b]);
    layer.forEach((v, i) => (place[v] = i));
  }
}

function mean(edges, value) {
  return edges.reduce((sum, edge) => sum + value(edge), 0) / edges.length;
}

/** Count the crossings between all neighbouring layers. */
function crossings({ layers, below, widths }, place) {
  let total = 0;
  for (const layer of layers) {
    const edges = layer.flatMap((v) =>
      below[v].map(({ to, own, other }) => [place[v] + own / (widths[v] + 1), place[to] + other / (widths[to] + 1)]),
    );
    edges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    total += inversions(edges.map((edge) => edge[1]));
  }
  return total;
}

/** Count pairs that stand in the wrong order, by sorting: n log n. */
function inversions(values) {
  let total = 0;
  let from = values;
  for (let run = 1; run < values.length; run *= 2) {
    const sorted = [];
    for (let start = 0; start < from.length; start += 2 * run) {
      let a = start;
      let b = Math.min(start + run, from.length);
      const middle = b;
      const end = Math.min(start + 2 * run, from.length);
      while (a < middle || b < end) {
        if (b >= end || (a < middle && from[a] <= from[b])) sorted.push(from[a++]);
        else {
          total += middle - a;
          sorted.push(from[b++]);
        }
      }
    }
    from = sorted;
  }
  return total;
}
