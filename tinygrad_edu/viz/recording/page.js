// The page: reads the data, builds a card for each tensor, and follows the slider. All text goes in as textContent.

(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const LOGARITHMIC = new Set(["norm", "std", "ratio"]);
  const MOST_BINS = 128;
  const state = { kind: "", column: "", index: 0, chosen: null, timer: null, cards: [], chart: null };

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) { made.className = className; }
    if (text !== undefined) { made.textContent = text; }
    return made;
  }

  // ---- cards

  function makeCard(series) {
    const card = {
      series: series, seen: false, numbers: {}, root: element("article", "card"),
      bars: element("div"), map: element("div", "map"), canvas: element("canvas"), mark: element("div", "mark"), swatch: element("span", "swatch"),
      bins: commonBins(series.histograms, MOST_BINS),
    };
    const shape = series.shape.length ? series.shape.join("×") : "scalar";
    const heading = element("h3");
    heading.append(card.swatch, element("span", "", series.name));
    card.root.append(heading);
    card.root.append(element("p", "shape", `${series.module}, ${shape} ${series.dtype}${series.trainable === false ? ", frozen" : ""}`));
    card.canvas.setAttribute("role", "img");
    card.canvas.setAttribute("aria-label", `Histograms of ${series.name} at all steps`);
    card.map.append(card.canvas, card.mark);
    const pictures = element("div", "pictures");
    pictures.append(card.bars, card.map);
    card.root.append(pictures, numbersOf(card));
    card.root.tabIndex = 0;
    card.root.setAttribute("aria-label", series.name);
    for (const event of ["pointerenter", "focusin"]) { card.root.addEventListener(event, () => choose(series.name)); }
    for (const event of ["pointerleave", "focusout"]) { card.root.addEventListener(event, () => choose(null)); }
    card.map.addEventListener("click", (event) => {
      const box = card.map.getBoundingClientRect();
      goTo(Math.floor((event.clientX - box.left) / box.width * data.steps.length));
    });
    return card;
  }

  function numbersOf(card) {
    const list = element("dl");
    for (const column of Object.keys(card.series.columns)) {
      const value = element("dd");
      value.dataset.column = column;
      card.numbers[column] = value;
      const pair = element("div");
      pair.append(element("dt", "", column), value);
      list.append(pair);
    }
    return list;
  }

  function showNumbers(card) {
    for (const [column, place] of Object.entries(card.numbers)) {
      const value = card.series.columns[column][state.index];
      place.textContent = shown(value, column);
      place.classList.toggle("alarm", (column === "nan" || column === "inf") && asNumber(value) > 0);
    }
  }

  function showPictures(card) {
    const histogram = card.series.histograms[state.index];
    const bins = at("fit").checked && histogram ? commonBins([histogram], MOST_BINS) : card.bins;
    if (bins === null || histogram === null) {
      card.bars.replaceChildren(element("p", "shape", "nothing to draw at this step"));
    } else {
      const label = `Histogram of ${card.series.name} at step ${data.steps[state.index]}`;
      const width = Math.max(card.bars.clientWidth, 60);
      card.bars.replaceChildren(histogramPicture(onBins(histogram, bins), bins, width, 118, at("root").checked, label));
    }
    card.mark.style.left = `${(state.index + 0.5) / data.steps.length * 100}%`;
  }

  function paint(card) {
    if (card.bins !== null) { paintMap(card.canvas, card.series.histograms, card.bins, barColor()); }
  }

  function barColor() {
    const hex = getComputedStyle(document.documentElement).getPropertyValue("--bar").trim();
    return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }

  // Only what can be seen is drawn, so that the slider follows also in a model of hundreds of layers.
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const card = state.cards.find((candidate) => candidate.root === entry.target);
      if (card === undefined) { continue; }
      if (entry.isIntersecting && !card.seen) {
        paint(card);
        showPictures(card);
      }
      card.seen = entry.isIntersecting;
    }
  }, { rootMargin: "200px" });

  // ---- curves

  function drawCurves() {
    const fitting = state.cards.filter((card) => !card.root.hidden && state.column in card.series.columns);
    const curves = fitting.map((card, i) => ({
      name: card.series.name, values: card.series.columns[state.column].map(asNumber), color: curveColor(i, fitting.length),
    }));
    for (const card of state.cards) { card.swatch.style.background = "transparent"; }
    fitting.forEach((card, i) => { card.swatch.style.background = curves[i].color; });
    const logarithmic = LOGARITHMIC.has(state.column);
    const words = `${data.kinds[state.kind]}: ${state.column} over the steps${logarithmic ? ", on a logarithmic scale" : ""}`;
    at("curves-title").textContent = words;
    const box = at("curves");
    const drawn = curvesPicture(curves, data.steps, Math.max(box.clientWidth, 200), box.clientHeight, logarithmic, words);
    state.chart = { curves: curves, x: drawn.x, y: drawn.y, cursor: svg("path", { class: "cursor" }) };
    drawn.root.append(state.chart.cursor);
    box.replaceChildren(drawn.root);
    showCursor();
    choose(state.chosen);
  }

  function showCursor() {
    const chart = state.chart;
    if (chart === null || chart.x === null) { return; }
    const x = chart.x(data.steps[state.index]).toFixed(1);
    chart.cursor.setAttribute("d", `M${x} 4V${at("curves").clientHeight - 20}`);
  }

  function choose(name) {
    state.chosen = name;
    const root = at("curves").firstElementChild;
    if (root === null) { return; }
    let known = false;
    for (const curve of root.querySelectorAll(".curve")) {
      const chosen = curve.dataset.name === name;
      curve.classList.toggle("chosen", chosen);
      known = known || chosen;
    }
    root.classList.toggle("curves-dim", known);
    for (const card of state.cards) { card.root.classList.toggle("chosen", card.series.name === name); }
    showReading();
  }

  function showReading() {
    const curve = state.chart.curves.find((candidate) => candidate.name === state.chosen);
    at("reading").textContent = curve === undefined
      ? "Point at a curve to read it; click to go to a step."
      : `${curve.name}: ${state.column} ${shown(curve.values[state.index], state.column)}`;
  }

  function stepAt(event) {
    const box = at("curves").getBoundingClientRect();
    const distances = data.steps.map((step) => Math.abs(state.chart.x(step) - (event.clientX - box.left)));
    return distances.indexOf(Math.min(...distances));
  }

  function curveAt(event) {
    const index = stepAt(event);
    const y = event.clientY - at("curves").getBoundingClientRect().top;
    let nearest = null;
    let least = 30;
    for (const curve of state.chart.curves) {
      const distance = Math.abs(state.chart.y(curve.values[index]) - y);
      if (distance < least) { [nearest, least] = [curve.name, distance]; }
    }
    return nearest;
  }

  // ---- what the reader does

  function goTo(index) {
    state.index = Math.min(Math.max(index, 0), data.steps.length - 1);
    at("step").value = String(state.index);
    at("step").setAttribute("aria-valuetext", `step ${data.steps[state.index]}`);
    at("now").replaceChildren(
      element("span", "", `step ${data.steps[state.index]}`),
      element("span", "of", ` (${state.index + 1} of ${data.steps.length})`));
    for (const card of state.cards) {
      showNumbers(card);
      if (card.seen) { showPictures(card); }
    }
    showCursor();
    if (state.chart !== null) { showReading(); }
  }

  function showKind(kind) {
    state.kind = kind;
    watcher.disconnect();
    state.cards = data.series.filter((series) => series.what === kind).map(makeCard);
    at("cards").replaceChildren(...state.cards.map((card) => card.root));
    const columns = [...new Set(state.cards.flatMap((card) => Object.keys(card.series.columns)))];
    const usual = { updates: "ratio", activations: "std" }[kind] || "norm";
    state.column = [state.column, usual, columns[0]].find((column) => columns.includes(column) && column !== undefined) || "";
    if (columns.includes(usual)) { state.column = usual; }
    fill(at("column"), columns.map((column) => [column, column]), state.column);
    goTo(state.index);
    search();
    for (const card of state.cards) { watcher.observe(card.root); }
  }

  function fill(select, options, value) {
    select.replaceChildren(...options.map(([key, text]) => {
      const option = element("option", "", text);
      option.value = key;
      return option;
    }));
    select.value = value;
  }

  function search() {
    const wanted = at("search").value.trim().toLowerCase();
    let fitting = 0;
    for (const card of state.cards) {
      card.root.hidden = !card.series.name.toLowerCase().includes(wanted);
      fitting += card.root.hidden ? 0 : 1;
    }
    at("nothing").textContent = fitting ? "" : `No name contains “${at("search").value.trim()}”.`;
    drawCurves();
  }

  function play(on) {
    clearInterval(state.timer);
    state.timer = on ? setInterval(() => {
      goTo(state.index + 1);
      if (state.index === data.steps.length - 1) { play(false); }
    }, 200) : null;
    if (on && state.index === data.steps.length - 1) { goTo(0); }
    at("play").textContent = on ? "❚❚" : "▶";
    at("play").setAttribute("aria-label", on ? "Pause" : "Play");
    at("play").setAttribute("aria-pressed", String(on));
  }

  const KEYS = {
    ArrowLeft: () => goTo(state.index - 1),
    ArrowRight: () => goTo(state.index + 1),
    Home: () => goTo(0),
    End: () => goTo(data.steps.length - 1),
    " ": () => play(state.timer === null),
    "/": () => at("search").focus(),
  };

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    const typing = target.matches("input[type=search], select") || (event.key === " " && target.matches("button, input"));
    if (event.ctrlKey || event.metaKey || event.altKey || typing || !(event.key in KEYS)) { return; }
    event.preventDefault();  // the slider knows the arrows too: one of both moves it
    KEYS[event.key]();
  });

  at("step").addEventListener("input", () => goTo(Number(at("step").value)));
  at("back").addEventListener("click", () => goTo(state.index - 1));
  at("forth").addEventListener("click", () => goTo(state.index + 1));
  at("play").addEventListener("click", () => play(state.timer === null));
  at("search").addEventListener("input", search);
  at("kind").addEventListener("change", () => showKind(at("kind").value));
  at("column").addEventListener("change", () => { state.column = at("column").value; drawCurves(); });
  for (const id of ["fit", "root"]) { at(id).addEventListener("change", () => goTo(state.index)); }
  at("curves").addEventListener("click", (event) => { if (state.chart.x !== null) { goTo(stepAt(event)); } });
  at("curves").addEventListener("pointermove", (event) => { if (state.chart.x !== null) { choose(curveAt(event)); } });
  at("curves").addEventListener("pointerleave", () => choose(null));
  window.addEventListener("resize", () => { goTo(state.index); drawCurves(); });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const card of state.cards) { card.seen = false; watcher.unobserve(card.root); watcher.observe(card.root); }
  });

  // ---- the beginning

  document.title = `Recording of ${data.model}`;
  at("title").textContent = document.title;
  const kinds = Object.entries(data.kinds);
  if (kinds.length === 0) {
    at("about").textContent = "Nothing was recorded: no step was a multiple of every=, or the model was never called in training mode.";
    for (const id of ["choices", "controls", "overview"]) { at(id).hidden = true; }
    return;
  }
  const last = data.steps[data.steps.length - 1];
  at("about").textContent = `${data.steps.length} recorded steps from ${data.steps[0]} to ${last} (every = ${data.every})`;
  at("step").max = String(data.steps.length - 1);
  fill(at("kind"), kinds, kinds[0][0]);
  showKind(kinds[0][0]);
})();
