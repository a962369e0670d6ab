/* How edges look: smooth lines along which values flow down and gradients flow back. */

const PILL_FONT = `600 12px ${SANS}`;

/** Return the SVG path through points: straight down where it can be, else in a soft bend. */
function pathOf(points) {
  let d = `M${points[0].map(tenth)}`;
  for (let i = 1; i < points.length; i++) {
    const [[x1, y1], [x2, y2]] = [points[i - 1], points[i]];
    const middle = (y1 + y2) / 2;
    d += Math.abs(x1 - x2) < 0.5 ? `L${tenth(x2)},${tenth(y2)}` : `C${[x1, middle, x2, middle, x2, y2].map(tenth)}`;
  }
  return d;
}

function tenth(number) {
  return Math.round(number * 10) / 10;
}

/** Make the SVG of an edge. */
function drawEdge(edge, graph) {
  const second = edge.uses.every(([i]) => graph.items[i].stage === "backward");
  const outside = edge.uses.every(([i, position]) => !graph.isDifferentiated(i, position));
  const kind = `edge${second ? " second" : ""}${outside ? " outside" : ""}`;
  const line = shape("path", {
    class: kind,
    d: pathOf(edge.points),
    "marker-end": "url(#arrow)",
    "data-from": edge.from,
    "data-to": edge.to,
  });
  return line;
}

/** Make the label of an edge that is used several times. */
function drawMultiplicity(edge, graph) {
  const most = new Map();
  for (const [i, position] of edge.uses) {
    const id = `${i},${graph.items[i].sources[position].item}`;
    most.set(id, (most.get(id) ?? 0) + 1);
  }
  const times = Math.max(...most.values());
  if (times < 2 || edge.uses.length > times) return null;
  const [x, y] = edge.points.at(-1);
  return shape("text", { class: "times", x: x + 8, y: y - 12, text: `×${times}` });
}

/** List what may stand on a pill, the most telling first: the product with its factors, the gradients, their norms. */
function pillTexts(incoming, flows) {
  const factors = flows.map(({ local, product }) => factorsOf(incoming, local, product, 4));
  const numbers = flows.map(({ product }) => single(product));
  const norms = [4, 3, 2].map((digits) => flows.map(({ product }) => show(normOf(product), digits)));
  if (numbers.includes(null)) return norms.map((texts) => GRAD + texts.join(" + "));
  const short = [4, 3, 2].map((digits) => numbers.map((number) => show(number, digits)).join(" + "));
  return factors.length === 1 && factors[0] ? [`${factors[0]} = ${short[0]}`, ...short] : short;
}

function pillWidth(text) {
  return textWidth(text, PILL_FONT) + 14;
}

/** Make a pill with the gradient that flows back along an edge, just below the node that receives it. */
function drawPill(edge, text) {
  const [x, y] = edge.points[0];
  const width = pillWidth(text);
  return shape(
    "g",
    { class: "pill", transform: `translate(${tenth(x)},${tenth(y + 17)})` },
    shape("rect", { x: -width / 2, y: -10, width, height: 20, rx: 10 }),
    shape("text", { y: 4.5, text }),
  );
}
