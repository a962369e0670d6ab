/* Sentences of the page, and the words for what the data calls in short. */

const KINDS = {
  operation: "operation",
  parameter: "parameter",
  leaf: "leaf that wants a gradient",
  frozen: "frozen parameter, wants no gradient",
  input: "value from outside the graph",
};

const CUTS = {
  detach: "It was detached: no gradient goes back through it.",
  no_grad: "It was made inside no_grad(): nothing was recorded.",
  "no derivative": "It was made by an operation that has no derivative, or is made of whole numbers.",
  constants: "Nothing that it was made from wants a gradient.",
};

const GROUPS = {
  module: "module",
  run: "equal modules, one after the other",
  stretch: "operations, one after the other",
  root: "the whole graph",
};

const WORDS = {
  opening:
    "All values and gradients are shown. Press play, or →, to go through the forward pass and then the backward " +
    "pass, step by step.",
  openingForward: "All values are shown. Press play, or →, to go through the forward pass step by step.",
  hint: "Click a node to see all about it; click ▸ and ▾ to unfold and fold; press ? for the keys.",
  ready:
    "Only what comes in is there: parameters, leaves and data. Step forward to compute one operation after the other",
  readyBack: "; after the last, gradients flow back.",
  notNoted: "the value was not noted. Record under viz.trace() to see it.",
  seed: "The backward pass starts here, with a gradient of 1: how the output changes with itself.",
  noLocal: "No local derivative by itself: each entry depends on many. The formula gives the product at once.",
  changed: "A hook, or rounding, made another number out of this sum.",
  leaf: "A leaf: the backward pass ends here. Its gradient is whole, and backward() adds it to .grad.",
  noSteps: "There is no backward pass to show.",
  freed:
    "There is no backward pass to show: backward() has already been run, and freed what it needs. Draw the graph " +
    "before backward(), or pass retain_graph=True.",
  nothingSelected: "Click a node to see its operation, its formulas, its values and its gradient.",
  noGradient: "no gradient goes back",
  ownBackward: "its gradient is computed by a function of its own",
  frozen: "requires_grad is False: no gradient is computed for it.",
  keptIsFreed: "What it kept for the backward pass has been freed.",
};
