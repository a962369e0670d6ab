/* A tensor in short: its numbers where they are few, else a heat map and a histogram; and its statistics. */

const COLUMNS = 5; // so many numbers with three digits stand side by side in the panel
const FEW = 16; // so few numbers need no histogram

/** Show a summary; what is not there is left out. */
function tensorView(summary, label, dark) {
  const view = element("div", { class: "tensor" });
  const alone = single(summary);
  if (alone !== null)
    view.append(
      element("p", { class: "big-number", "data-role": "number", "data-value": summary.values[0], text: show(alone) }),
    );
  else if (sizeOf(summary.shape) === 0) view.append(element("p", { class: "quiet", text: "no numbers" }));
  else if (summary.values) view.append(numberTable(summary, label, dark));
  else if (summary.heat) view.append(heatMap(summary, label, dark));
  if (summary.counts && sizeOf(summary.shape) > FEW) view.append(histogram(summary, label));
  view.append(element("p", { class: "quiet facts", text: facts(summary) }));
  return view;
}

/** Write what kind of tensor it is, and its statistics. */
function facts(summary) {
  const parts = [`${shapeText(summary.shape)} ${summary.dtype ?? ""}`.trim()];
  const named = { min: "min", max: "max", mean: "mean", std: "std", norm: "‖·‖" };
  for (const [key, name] of Object.entries(named))
    if (isThere(summary[key])) parts.push(`${name} ${show(summary[key], 4)}`);
  const size = sizeOf(summary.shape);
  if (summary.zeros)
    parts.push(`zeros ${summary.zeros === size ? "all" : `${show((100 * summary.zeros) / size, 3)} %`}`);
  if (summary.nan) parts.push(`NaN ${count(summary.nan)}`);
  if (summary.inf) parts.push(`infinite ${count(summary.inf)}`);
  return parts.join(" · ");
}

function largest(numbers) {
  return numbers
    .map(numberOf)
    .filter(Number.isFinite)
    .reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}

/** Cut a list into rows. */
function rowsOf(values, columns) {
  const rows = [];
  for (let i = 0; i < values.length; i += columns) rows.push(values.slice(i, i + columns));
  return rows;
}

/**
 * Say how to write the numbers of a table so that they stand side by side: of many columns with one or two decimals,
 * and without the power of ten that they then share.
 */
function formOf(values, columns) {
  if (columns <= COLUMNS) return { power: 0, write: (value) => show(value, 3) };
  const most = largest(values);
  const decimals = columns > 8 ? 1 : 2;
  const plain = most === 0 || (most >= 10 ** (1 - decimals) && most < 10);
  const power = plain ? 0 : Math.floor(Math.log10(most));
  const whole = power === 0 && values.every((value) => Number.isInteger(numberOf(value)));
  const write = (value) => {
    const number = numberOf(value);
    if (whole || number === 0 || !Number.isFinite(number)) return show(number);
    const text = (number / 10 ** power).toFixed(decimals);
    return Number(text) === 0 ? "~0" : text.replace("-", "−");
  };
  return { power, write };
}

/** A table of all numbers: the last axis from left to right. */
function numberTable({ values, shape: dimensions }, label, dark) {
  const columns = dimensions.length === 1 ? COLUMNS : dimensions.at(-1);
  const rows = rowsOf(values, columns);
  const most = largest(values);
  const { power, write } = formOf(values, columns);
  const cell = (value) => {
    const td = element("td", { text: write(value), title: show(value), "data-value": value });
    const colour = signColour(value, most, dark);
    Object.assign(td.style, { background: css(colour), color: readableOn(colour) });
    return td;
  };
  const table = element(
    "table",
    { class: columns > COLUMNS ? "numbers narrow" : "numbers", "data-role": "numbers" },
    element("caption", { class: "hidden", text: `${label}, ${shapeText(dimensions)}` }),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell)))),
  );
  const exponent = element("sup", { text: show(power) });
  const shared = power ? element("p", { class: "quiet shared" }, "each × 10", exponent) : null;
  const scroll = { class: "scroll", tabindex: 0, role: "group", "aria-label": `${label}: numbers` };
  return element("div", {}, shared, element("div", scroll, table));
}

/** A picture with a small square for each number, or for the mean of each block of a larger tensor. */
function heatMap({ heat, shape: dimensions }, label, dark) {
  const [rows, columns] = [heat.length, heat[0].length];
  const most = largest(heat.flat());
  const canvas = element("canvas", {
    width: columns,
    height: rows,
    role: "img",
    class: "heat",
    "aria-label": `${label}: heat map, strongest ${show(most, 3)}`,
  });
  const pixels = canvas.getContext("2d");
  heat.forEach((row, r) =>
    row.forEach((value, c) => {
      pixels.fillStyle = css(signColour(value, most, dark));
      pixels.fillRect(c, r, 1, 1);
    }),
  );
  const side = Math.max(4, Math.min(14, Math.floor(260 / Math.max(columns, 6)), Math.floor(200 / rows)));
  Object.assign(canvas.style, { width: `${columns * side}px`, height: `${Math.max(rows * side, 14)}px` });
  return element(
    "figure",
    { class: "heat-map" },
    canvas,
    signLegend(most, dark),
    element("figcaption", { class: "quiet", text: heatCaption(dimensions, rows, columns) }),
  );
}

function heatCaption(dimensions, rows, columns) {
  const axes = dimensions.length === 1 ? "all entries" : "last two axes";
  const first =
    dimensions.length > 2
      ? `, at index ${dimensions
          .slice(0, -2)
          .map(() => 0)
          .join(", ")} of the others`
      : "";
  const whole = dimensions.at(-1) === columns && (dimensions.length === 1 || dimensions.at(-2) === rows);
  return `${axes}${first}${whole ? "" : `; each square is the mean of a block`}`;
}

function signLegend(most, dark) {
  const bar = element("canvas", { width: 41, height: 1, class: "bar", "aria-hidden": "true" });
  const pixels = bar.getContext("2d");
  for (let i = 0; i <= 40; i++) {
    pixels.fillStyle = css(signColour((i - 20) / 20, 1, dark));
    pixels.fillRect(i, 0, 1, 1);
  }
  const text = show(most, 3);
  return element(
    "div",
    { class: "sign-legend" },
    element("span", { text: most ? `−${text}` : "" }),
    bar,
    element("span", { text }),
  );
}

/** A histogram from the smallest to the largest number. */
function histogram({ counts, min, max }, label) {
  const [width, height] = [264, 56];
  const most = Math.max(...counts);
  const wide = width / counts.length;
  const bars = counts.map((n, i) => {
    const high = (height * n) / most;
    const place = { x: tenth(i * wide), width: tenth(wide - 1), y: tenth(height - high), height: tenth(high) };
    return shape("rect", place, shape("title", { text: counted(n, "number") }));
  });
  const zero = (width * -min) / (max - min);
  const line =
    zero > 0 && zero < width ? shape("line", { class: "zero", x1: zero, x2: zero, y1: 0, y2: height }) : null;
  const words = `${label}: histogram from ${show(min, 3)} to ${show(max, 3)}`;
  const attributes = { viewBox: `0 0 ${width} ${height}`, class: "histogram", role: "img", "aria-label": words };
  const ends = [min, max].map((end) => element("span", { text: show(end, 3) }));
  return element("figure", {}, shape("svg", attributes, ...bars, line), element("div", { class: "ends" }, ...ends));
}
