"use strict";
// Numbers as the page shows them, and histograms on the same bins. Nothing here knows the page.

// JSON cannot say NaN and the infinities: they came as text.
function asNumber(value) {
  return value === null ? NaN : Number(value);
}

function shown(value, column) {
  if (value === null || value === undefined) { return "–"; }
  const number = Number(value);
  if (Number.isNaN(number)) { return "–"; }
  if (!Number.isFinite(number)) { return number > 0 ? "∞" : "−∞"; }
  if (SHARES.has(column)) { return trimmed((100 * number).toPrecision(3)) + " %"; }
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) { return number.toExponential(3); }
  return trimmed(number.toPrecision(4));
}

const SHARES = new Set(["zeros", "nan", "inf", "dead", "saturated"]);

// 0.2500 -> 0.25, but 1e+3 and 100 stay.
function trimmed(text) {
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

// A bin of 2**exponent begins at a multiple of its width, so wider ones are made of whole bins.
function coarsened(histogram, exponent) {
  const factor = 2 ** Math.min(exponent - histogram.exponent, 60);
  const place = (i) => Math.floor((histogram.first + i) / factor);
  const first = place(0);
  const counts = new Array(place(histogram.counts.length - 1) - first + 1).fill(0);
  histogram.counts.forEach((count, i) => { counts[place(i) - first] += count; });
  return { exponent: exponent, first: first, counts: counts };
}

// The finest bins, at most so many, that serve all histograms (some may be null).
function commonBins(histograms, most) {
  const present = histograms.filter((histogram) => histogram !== null);
  if (present.length === 0) { return null; }
  let exponent = Math.max(...present.map((histogram) => histogram.exponent));
  for (;;) {
    let low = Infinity;
    let high = -Infinity;
    for (const histogram of present) {
      const factor = 2 ** Math.min(exponent - histogram.exponent, 60);
      low = Math.min(low, Math.floor(histogram.first / factor));
      high = Math.max(high, Math.floor((histogram.first + histogram.counts.length - 1) / factor));
    }
    if (high - low < most) { return { exponent: exponent, first: low, n: high - low + 1 }; }
    exponent += 1;
  }
}

function onBins(histogram, bins) {
  const coarse = coarsened(histogram, bins.exponent);
  const counts = new Array(bins.n).fill(0);
  coarse.counts.forEach((count, i) => { counts[coarse.first - bins.first + i] = count; });
  return counts;
}

// Two factors: 2**exponent alone may be no number although the edge is one.
function edge(bins, i) {
  const half = Math.trunc(bins.exponent / 2);
  return (bins.first + i) * 2 ** half * 2 ** (bins.exponent - half);
}

// Ticks at powers of ten, in a narrow range also at 2 and 5 times these.
function logarithmicTicks(low, high) {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const stride = Math.max(1, Math.ceil((last - first) / 6));
  const factors = last - first > 3 ? [1] : [1, 2, 5];
  const found = [];
  for (let power = first; power <= last; power += stride) {
    found.push(...factors.map((factor) => factor * 10 ** power).filter((value) => value >= low && value <= high));
  }
  return found.length > 1 ? found : [low, high];
}

// Ticks at 1, 2 or 5 times a power of ten.
function ticks(low, high) {
  const rough = (high - low) / 7;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) { found.push(i * step); }
  return found;
}
