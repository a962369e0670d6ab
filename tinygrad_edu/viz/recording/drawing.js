// Drawings: histograms and curves as SVG, a map of all steps on a canvas. They get numbers and return elements.

function svg(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) { element.setAttribute(key, String(value)); }
  if (text !== undefined) { element.textContent = text; }
  return element;
}

function picture(width, height, label) {
  return svg("svg", { width: width, height: height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
}

// All bars are one path: a page of a hundred histograms stays quick.
function histogramPicture(counts, bins, width, height, roots, label) {
  const root = picture(width, height, label);
  const base = height - 17;
  const tallest = Math.max(...counts, 1);
  const wide = width / counts.length;
  let path = "";
  counts.forEach((count, i) => {
    if (count === 0) { return; }
    const share = count / tallest;
    const tall = Math.max((roots ? Math.sqrt(share) : share) * (base - 2), 1);  // a single value is still seen
    path += `M${(i * wide).toFixed(2)} ${base}v${(-tall).toFixed(2)}h${Math.max(wide - 0.5, 0.5).toFixed(2)}v${tall.toFixed(2)}z`;
  });
  root.append(svg("path", { d: path, class: "bars" }));
  root.append(svg("path", { d: `M0 ${base + 0.5}H${width}`, class: "axis" }));
  const zero = -bins.first * wide;
  const inside = zero > 0 && zero < width;
  if (inside) { root.append(svg("path", { d: `M${zero.toFixed(2)} 0V${base + 4}`, class: "axis" })); }
  root.append(svg("text", { x: 0, y: height - 3 }, shown(edge(bins, 0))));
  root.append(svg("text", { x: width, y: height - 3, "text-anchor": "end" }, shown(edge(bins, counts.length))));
  if (inside && zero > width * 0.32 && zero < width * 0.68) {
    root.append(svg("text", { x: zero, y: height - 3, "text-anchor": "middle" }, "0"));
  }
  return root;
}

// A column for each step, large values at the top; the stronger the colour, the more values.
function paintMap(canvas, histograms, bins, color) {
  const columns = histograms.length;
  canvas.width = columns;
  canvas.height = bins.n;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, bins.n);
  const [red, green, blue] = color;
  histograms.forEach((histogram, x) => {
    if (histogram === null) { return; }
    const counts = onBins(histogram, bins);
    const tallest = Math.max(...counts);
    counts.forEach((count, i) => {
      image.data.set([red, green, blue, 255 * Math.sqrt(count / tallest)], 4 * ((bins.n - 1 - i) * columns + x));
    });
  });
  context.putImageData(image, 0, 0);
}

// From the first to the last name: from violet over green to yellow; the lightness is that of the light or dark style.
function curveColor(i, n) {
  const along = n > 1 ? i / (n - 1) : 0;
  return `hsl(${Math.round(265 - 225 * along)} 75% var(--curve))`;
}

const ROOM = { left: 62, right: 12, top: 8, bottom: 22 };

// Returns the picture and the functions that lead from a step to x and from a value to y.
function curvesPicture(curves, steps, width, height, logarithmic, label) {
  const root = picture(width, height, label);
  const values = curves.flatMap((curve) => curve.values).filter((value) => Number.isFinite(value) && (!logarithmic || value > 0));
  if (values.length === 0) { return { root: root, x: null, y: null }; }
  let low = values.reduce((a, b) => Math.min(a, b));
  let high = values.reduce((a, b) => Math.max(a, b));
  if (low === high) {
    const around = Math.abs(low) * 0.1 || 1;
    [low, high] = [low - around, high + around];
  }
  const scaled = logarithmic ? Math.log10 : (value) => value;
  const inner = { width: width - ROOM.left - ROOM.right, height: height - ROOM.top - ROOM.bottom };
  const y = (value) => ROOM.top + inner.height * (1 - (scaled(value) - scaled(low)) / (scaled(high) - scaled(low)));
  const last = steps[steps.length - 1];
  const x = (step) => ROOM.left + (last > steps[0] ? (step - steps[0]) / (last - steps[0]) : 0.5) * inner.width;
  for (const value of (logarithmic ? logarithmicTicks : ticks)(low, high)) {
    root.append(svg("path", { d: `M${ROOM.left} ${y(value).toFixed(1)}H${width - ROOM.right}`, class: "axis" }));
    root.append(svg("text", { x: ROOM.left - 6, y: y(value) + 4, "text-anchor": "end" }, tickText(value)));
  }
  stepLabels(root, steps, x, height);
  curves.forEach((curve) => {
    const path = svg("path", { d: curvePath(curve.values, steps, x, y, logarithmic), class: "curve", "data-name": curve.name });
    path.style.stroke = curve.color;
    root.append(path);
  });
  return { root: root, x: x, y: y };
}

function tickText(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) { return trimmed(value.toExponential(1)).replace(".0e", "e"); }
  return trimmed(value.toPrecision(3));
}

function stepLabels(root, steps, x, height) {
  const last = steps[steps.length - 1];
  const places = last > steps[0] ? ticks(steps[0], last).filter(Number.isInteger) : [steps[0]];
  for (const step of places) {
    root.append(svg("text", { x: x(step), y: height - 6, "text-anchor": step === last ? "end" : "middle" }, String(step)));
  }
}

// A gap where a value cannot be drawn; a point that has no neighbour is a short line.
function curvePath(values, steps, x, y, logarithmic) {
  let path = "";
  let drawing = false;
  values.forEach((value, i) => {
    const fits = Number.isFinite(value) && (!logarithmic || value > 0);
    if (fits) {
      const at = `${x(steps[i]).toFixed(1)} ${y(value).toFixed(1)}`;
      path += drawing ? `L${at}` : `M${at}h0.01`;
    }
    drawing = fits;
  });
  return path;
}
