/* Numbers as a reader wants them. In the data, NaN and infinities are strings: "NaN", "Infinity", "-Infinity". */

const SPECIAL = { NaN, Infinity, "-Infinity": -Infinity };

/** Return the number that a value of the data stands for. */
function numberOf(value) {
  return typeof value === "string" ? SPECIAL[value] : value;
}

/** Write a number with so many significant digits, a real minus sign and no idle zeros. */
function show(value, digits = 6) {
  const number = numberOf(value);
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  const size = Math.abs(number);
  const plain = number === 0 || (size >= 1e-4 && size < 1e7);
  const text = plain ? String(Number(number.toPrecision(digits))) : exponential(number, digits);
  return text.replaceAll("-", "−");
}

function exponential(number, digits) {
  const [mantissa, exponent] = number.toExponential(digits - 1).split("e");
  return `${Number(mantissa)}e${Number(exponent)}`;
}

/** Write a number as a term of a sum: negative ones in brackets. */
function asTerm(value, digits = 6) {
  const text = show(value, digits);
  return text.startsWith("−") ? `(${text})` : text;
}

/** Write how many things there are: 1.76 B, 11.2 M, 3,400, 12. */
function count(number) {
  for (const [size, unit] of [
    [1e9, "B"],
    [1e6, "M"],
  ]) {
    if (number >= size) return `${Number((number / size).toPrecision(3))} ${unit}`;
  }
  return number.toLocaleString("en");
}

/** Write a number of bytes. */
function bytes(number) {
  for (const [size, unit] of [
    [2 ** 30, "GiB"],
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
  ]) {
    if (number >= size) return `${Number((number / size).toPrecision(3))} ${unit}`;
  }
  return `${number} B`;
}

/** Write "1 operation", "3 operations". */
function counted(number, thing) {
  return `${count(number)} ${thing}${number === 1 ? "" : "s"}`;
}

/** Write a shape: 5×4×8×8; a number by itself is a scalar. */
function shapeText(shapeOf) {
  if (!shapeOf) return "";
  return shapeOf.length ? shapeOf.join("×") : "scalar";
}

/** Return how many numbers a shape holds. */
function sizeOf(shapeOf) {
  return (shapeOf ?? []).reduce((product, n) => product * n, 1);
}

/** Return the number of a summary that is of one number, else null. */
function single(summary) {
  return summary?.values?.length === 1 && sizeOf(summary.shape) === 1 ? numberOf(summary.values[0]) : null;
}

/** Return the Euclidean norm of what a summary is of. */
function normOf(summary) {
  if (!summary) return null;
  const alone = single(summary);
  return alone === null ? numberOf(summary.norm) : Math.abs(alone);
}

/** Add up what is known of several tensors of one shape: all numbers, or the thumbnail; null where neither is there. */
function sumOf(summaries) {
  const [first] = summaries;
  if (summaries.length === 1) return first;
  const { shape: dimensions, dtype } = first;
  if (summaries.every((s) => s.values)) {
    const values = first.values.map((_, i) => summaries.reduce((sum, s) => sum + numberOf(s.values[i]), 0));
    return { shape: dimensions, dtype, values };
  }
  if (!summaries.every((s) => s.heat)) return null;
  const heat = first.heat.map((row, r) =>
    row.map((_, c) => summaries.reduce((sum, s) => sum + numberOf(s.heat[r][c]), 0)),
  );
  return { shape: dimensions, dtype, heat };
}
