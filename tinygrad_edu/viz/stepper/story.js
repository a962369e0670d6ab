/* What happens in which order: the forward pass by operations, then the backward pass as the engine took it. */

/**
 * One gradient that is added to another.
 * @typedef {object} Term
 * @property {number} at the step in which it arrives
 * @property {number} turn which of those that the step sends it is
 * @property {number|null} from the item that sends it, null for the gradient that the backward pass starts with
 * @property {object} product summary of the gradient
 */

/** Steps 0 (nothing but what comes in), 1 ... forward, and from there on backward, up to `last`. */
class Story {
  constructor(graph) {
    this.graph = graph;
    this.operations = Array.from(graph.items.keys()).filter((i) => graph.items[i].kind === "operation");
    this.turn = this.operations.length; // the last step forward
    this.last = this.turn + graph.steps.length;
    this.computedAt = new Int32Array(graph.items.length);
    this.operations.forEach((item, n) => (this.computedAt[item] = n + 1));
    /** @type {Term[][]} */
    this.terms = graph.items.map(() => []);
    this.wentBackAt = new Int32Array(graph.items.length).fill(-1);
    graph.steps.forEach((step, n) => this.#readStep(step, this.turn + 1 + n));
  }

  #readStep({ item, sent }, at) {
    const { items, output } = this.graph;
    this.wentBackAt[item] = at;
    if (item === output) this.terms[item].push({ at, turn: 0, from: null, product: items[item].grad });
    sent.forEach(({ source, product }, turn) => {
      this.terms[items[item].sources[source].item].push({ at, turn, from: item, product });
    });
  }

  /** Return what step `k` is: its phase and item, for a step backward also what it sends. */
  at(k) {
    if (k <= 0) return { phase: "start", item: null };
    if (k <= this.turn) return { phase: "forward", item: this.operations[k - 1] };
    const step = this.graph.steps[k - this.turn - 1];
    return { phase: "backward", item: step.item, sent: step.sent };
  }

  isComputed(item, k) {
    return this.computedAt[item] <= k;
  }

  /** List the gradients that have arrived at an item by step `k`; within that step by what it sends at `turn`. */
  arrived(item, k, turn = Infinity) {
    return this.terms[item].filter((term) => term.at < k || (term.at === k && term.turn <= turn));
  }

  /** Return the step in which the last gradient arrives at an item; -1 where none does. */
  completeAt(item) {
    return this.terms[item].at(-1)?.at ?? -1;
  }

  /** Return the gradient of an item as far as it is there (see `arrived`), and whether that is all of it. */
  gradient(item, k, turn) {
    const terms = this.arrived(item, k, turn);
    const { grad } = this.graph.items[item];
    if (!this.terms[item].length) return grad ? { sum: grad, whole: true, terms } : null;
    if (!terms.length) return null;
    const whole = terms.length === this.terms[item].length;
    return {
      sum: whole ? (grad ?? sumOf(terms.map((t) => t.product))) : sumOf(terms.map((t) => t.product)),
      whole,
      terms,
    };
  }

  /** Write where the reader is. */
  caption(k) {
    const { phase, item } = this.at(k);
    const where = `step ${count(k)} of ${count(this.last)}`;
    if (phase === "start") return `${where}: ready`;
    const { op, name, title, kind } = this.graph.items[item];
    const what = kind === "operation" ? op || title : `${name || "leaf"}.grad`;
    return `${where}: ${phase}: ${what}${name && kind === "operation" ? ` → ${name}` : ""}`;
  }
}
