/* What a step does, in words and numbers: forward what is computed, backward how gradients are made and added up. */

const MOST_TERMS = 6;

/** Makes the card of a step. `link` makes a button that leads to an item. */
class StepCards {
  constructor(graph, story, link, isDark) {
    Object.assign(this, { graph, story, link, isDark });
  }

  /** Return the card of step `k`; of null the one with which the page opens. */
  card(k) {
    if (k === null) return element("section", { class: "step", "data-phase": "rest" }, ...this.#overview());
    const step = this.story.at(k);
    const card = element("section", {
      class: `step ${step.phase}`,
      "data-phase": step.phase,
      "data-step": k,
      "data-item": step.item,
    });
    if (step.phase === "start") card.append(...this.#start());
    else if (step.phase === "forward") card.append(...this.#forward(step.item, k));
    else if (this.graph.items[step.item].kind === "operation") card.append(...this.#backward(step.item, step.sent, k));
    else card.append(...this.#leaf(step.item, k));
    return card;
  }

  #overview() {
    const { graph, story } = this;
    const wanted = graph.items.filter(({ kind }) => ["parameter", "leaf"].includes(kind));
    const numbers = wanted.reduce((sum, item) => sum + sizeOf(item.shape), 0);
    const parts = [
      heading2(graph.title),
      element("p", { text: graph.steps.length ? WORDS.opening : WORDS.openingForward }),
      table([
        ["operations", count(story.operations.length)],
        [
          "want a gradient",
          `${counted(wanted.length, "leaf").replace("leafs", "leaves")} with ${counted(numbers, "number")}`,
        ],
        ["backward pass", counted(graph.steps.length, "step")],
        ["kept for it", `${bytes(graph.kept)} beside the leaves`],
      ]),
    ];
    if (!graph.steps.length) parts.push(noSteps(graph));
    parts.push(element("p", { class: "quiet", text: WORDS.hint }));
    return parts;
  }

  #start() {
    const back = this.graph.steps.length ? WORDS.readyBack : ".";
    return [heading2("Ready"), element("p", { text: WORDS.ready + back })];
  }

  #title(phase, number, total, item) {
    const { op, title, name } = this.graph.items[item];
    const line = heading2(`${op || title}${name && name !== op ? ` → ${name}` : ""}`);
    return [element("p", { class: "phase", text: `${phase} ${number} of ${total}` }), line];
  }

  #forward(i, k) {
    const item = this.graph.items[i];
    const parts = this.#title("Forward", k, this.story.turn, i);
    if (item.what) parts.push(plainText("p", item.what));
    parts.push(this.#equation(i));
    if (item.value) parts.push(heading3("Result"), tensorView(item.value, "result", this.isDark()));
    else
      parts.push(
        element("p", {
          class: "quiet",
          text: `${shapeText(item.shape) || "Several outputs"}; ${WORDS.notNoted}`,
        }),
      );
    return parts;
  }

  /** Write op(a, b), each input leading to its node. */
  #equation(i) {
    const { op, title, sources } = this.graph.items[i];
    const line = element("p", { class: "equation" }, `${op || title}(`);
    sources.forEach((source, position) => {
      if (position) line.append(", ");
      line.append(
        isThere(source.item) ? this.link(source.item) : (this.graph.constant(i, position) ?? source.name ?? "a number"),
      );
    });
    line.append(")");
    const value = single(this.graph.items[i].value);
    const known = sources.map((s, p) =>
      isThere(s.item) ? single(this.graph.items[s.item].value) : this.graph.constant(i, p),
    );
    if (value !== null && known.length && known.every((v) => v !== null)) {
      const inputs = known.map((v) => (typeof v === "number" ? show(v) : v)).join(", ");
      line.append(
        element("span", { class: "numbers-line", "data-role": "equation", text: `${op}(${inputs}) = ${show(value)}` }),
      );
    }
    return line;
  }

  #backward(i, sent, k) {
    const item = this.graph.items[i];
    const parts = this.#title("Backward", k - this.story.turn, this.graph.steps.length, i);
    const label = `incoming gradient g = ${this.#gradName(i)}`;
    if (item.grad) parts.push(quantity(label, "incoming", item.grad, this.isDark()));
    if (this.#isOutput(i)) parts.push(element("p", { class: "quiet", text: WORDS.seed }));
    else parts.push(this.#sum(i, k, false));
    if (!sent.length) parts.push(element("p", { class: "quiet", text: "It sends nothing on." }));
    sent.forEach((each, turn) => parts.push(this.#sent(i, each, k, turn)));
    return parts;
  }

  #isOutput(i) {
    return i === this.graph.output;
  }

  #gradName(i) {
    return `${this.graph.called(i)}.grad`;
  }

  /** What is sent to one input: formula, local derivative, product, and the sum that it is added to. */
  #sent(i, { source, local, product }, k, turn) {
    const { item: to, name, derivative } = this.graph.items[i].sources[source];
    const dark = this.isDark();
    const card = element("div", { class: "sent", "data-source": source, "data-to": to });
    card.append(element("h3", {}, `to ${name || `input ${source}`}: `, this.link(to)));
    if (derivative) card.append(element("p", { class: "formula" }, element("code", { text: derivative })));
    if (local) card.append(quantity("local derivative", "local", local, dark));
    else card.append(element("p", { class: "quiet", text: WORDS.noLocal }));
    const factors = factorsOf(this.graph.items[i].grad, local, product);
    const label = local ? "g × local derivative" : "the product";
    card.append(quantity(label, "product", product, dark, factors), this.#sum(to, k, true, turn));
    return card;
  }

  /** How terms add up to a gradient, as far as they have arrived. */
  #sum(i, k, added, turn) {
    const gradient = this.story.gradient(i, k, turn);
    const all = this.story.terms[i].length;
    const box = element("div", { class: "sum", "data-role": "sum", "data-item": i });
    if (!gradient) return box;
    const { sum, whole, terms } = gradient;
    const changed = whole && terms.length && differs(sumOf(terms.map((t) => t.product)), sum);
    if (!added && all === 1 && single(sum) !== null && !changed) return box; // it would say nothing new
    const coming = all - terms.length;
    if (added)
      box.append(element("h4", { text: terms.length > 1 ? "added into the gradient" : "put into the gradient" }));
    box.append(element("p", { class: "numbers-line" }, ...this.#sumLine(i, sum, terms, coming)));
    if (changed) box.append(element("p", { class: "quiet", text: WORDS.changed }));
    if (terms.length > 1 && sum && single(sum) === null)
      box.append(...this.#terms(terms), roled("total", tensorView(sum, "sum so far", this.isDark())));
    return box;
  }

  #sumLine(i, sum, terms, coming) {
    const name = `${this.#gradName(i)} = `;
    const numbers = terms.map(({ product }) => single(product));
    const plain = numbers.every((n) => n !== null);
    const words = plain ? numbers.map((n, i) => (i ? asTerm(n) : show(n))) : this.#senders(terms);
    const parts = [name, shortened(words).join(" + ")];
    if (plain && words.length > 1) parts.push(" = ", element("strong", { text: show(single(sum)) }));
    if (coming) parts.push(element("span", { class: "coming", text: ` so far; ${counted(coming, "term")} to come` }));
    return parts;
  }

  #senders(terms) {
    const names = terms.map(({ from }) => (from === null ? "the start" : `what ${this.graph.called(from)} sent`));
    if (names.length === 1) return names;
    if (new Set(names).size === 1) return [`the sum of ${names[0]} ${names.length} times`];
    return names.map((name) => `(${name})`);
  }

  #terms(terms) {
    if (terms.length > MOST_TERMS) return [];
    const names = terms.map(({ from }) => (from === null ? "start" : this.graph.called(from)));
    const entries = terms.map(({ from, product }, n) => {
      const alike = from !== null && names.indexOf(names[n]) !== names.lastIndexOf(names[n]);
      const where = alike ? ` ${this.graph.call(from)}` : ""; // tells calls of one module apart
      const size = `${where} ‖·‖ ${show(normOf(product), 4)}`;
      return element("li", {}, from === null ? "start" : this.link(from), size);
    });
    return [element("ul", { class: "terms" }, ...entries)];
  }

  #leaf(i, k) {
    const item = this.graph.items[i];
    const parts = [
      element("p", { class: "phase", text: `Backward ${k - this.story.turn} of ${this.graph.steps.length}` }),
    ];
    parts.push(element("h2", {}, item.name || item.kind), element("p", { text: WORDS.leaf }));
    parts.push(this.#sum(i, k, false));
    if (item.grad) parts.push(quantity(`gradient ${this.#gradName(i)}`, "incoming", item.grad, this.isDark()));
    return parts;
  }
}

function heading2(text) {
  return element("h2", { text });
}

function heading3(text) {
  return element("h3", { text });
}

function roled(role, view) {
  view.dataset.role = role;
  return view;
}

/** A line with a number, after the factors that it is made of; or a heading with a tensor below. */
function quantity(label, role, summary, dark, factors) {
  const number = single(summary);
  if (number === null)
    return element("div", {}, element("h4", { text: label }), roled(role, tensorView(summary, label, dark)));
  const value = element("strong", { "data-value": summary.values[0], text: show(number) });
  const line = element("span", { class: "numbers-line", "data-role": role }, factors ? `${factors} = ` : "", value);
  return element("p", { class: "quantity" }, element("span", { class: "quiet", text: label }), line);
}

/** Write g × local derivative where both are numbers, and the product is theirs. */
function factorsOf(incoming, local, product, digits = 6) {
  const [g, own, result] = [incoming, local, product].map((s) => (s ? single(s) : null));
  if ([g, own, result].includes(null)) return null;
  const near = Math.abs(g * own - result) <= 1e-4 * Math.abs(result);
  return near || Object.is(g * own, result) ? `${show(g, digits)} × ${asTerm(own, digits)}` : null;
}

/** Tell whether a sum of terms is visibly another than what the engine ended with. */
function differs(sum, end) {
  const [a, b] = [sum ? single(sum) : null, end ? single(end) : null];
  return a !== null && b !== null && Math.abs(a - b) > 1e-3 * Math.max(Math.abs(a), Math.abs(b));
}

/** Leave out the middle of a long list. */
function shortened(words) {
  if (words.length <= MOST_TERMS) return words;
  return [...words.slice(0, 3), `… ${words.length - 5} more …`, ...words.slice(-2)];
}

/** Say why there are no steps backward. */
function noSteps(graph) {
  return element("p", { class: "notice", text: graph.freed ? WORDS.freed : WORDS.noSteps });
}

/** Show a text of the documentation, ``so`` as code. */
function plainText(tag, text) {
  const parts = text.split("``").map((part, i) => (i % 2 ? element("code", { text: part }) : part));
  return element(tag, {}, ...parts);
}
