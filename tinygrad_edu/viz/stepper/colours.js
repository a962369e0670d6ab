/* Colours that say something: magnitudes on a logarithmic scale, and signs. */

const MAGNITUDES = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"].map(channels); // viridis, in five stops
const NEGATIVE = [33, 102, 172];
const POSITIVE = [178, 24, 43];
const MOST_DECADES = 12;

function channels(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

function mixed(a, b, share) {
  return a.map((channel, i) => Math.round(channel + (b[i] - channel) * share));
}

function css(colour) {
  return `rgb(${colour.join(",")})`;
}

/** Return a place from 0 to 1 on the scale of magnitudes as a colour. */
function magnitudeColour(place) {
  const at = Math.min(Math.max(place, 0), 1) * (MAGNITUDES.length - 1);
  const below = Math.min(Math.floor(at), MAGNITUDES.length - 2);
  return mixed(MAGNITUDES[below], MAGNITUDES[below + 1], at - below);
}

/** Return black or white, whichever is read better on a colour. */
function readableOn(colour) {
  const [r, g, b] = colour.map((c) => (c / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff"; // there both contrasts are equal
}

/** Return the colour of a number: blue below zero, red above, stronger the nearer to `largest`. */
function signColour(value, largest, dark) {
  const neutral = dark ? [52, 56, 64] : [246, 246, 248];
  const number = numberOf(value);
  if (!Number.isFinite(number)) return [230, 159, 0];
  const share = largest > 0 ? Math.min(Math.abs(number) / largest, 1) : 0;
  return mixed(neutral, number < 0 ? NEGATIVE : POSITIVE, Math.sqrt(share));
}

/** A logarithmic scale of magnitudes over whole decades. */
class LogScale {
  /** @param {number[]} magnitudes those that it has to hold; zeros and what is not finite are left out */
  constructor(magnitudes) {
    const logs = magnitudes.filter((m) => m > 0 && Number.isFinite(m)).map((m) => Math.log10(m));
    this.empty = logs.length === 0;
    const highest = logs.reduce((a, b) => Math.max(a, b), -Infinity);
    const lowest = logs.reduce((a, b) => Math.min(a, b), Infinity);
    this.high = this.empty ? 0 : Math.ceil(highest - 1e-9);
    this.low = this.empty ? -1 : Math.max(Math.floor(lowest + 1e-9), this.high - MOST_DECADES);
    if (this.low === this.high) this.low -= 1;
  }

  /** Return the colour of a magnitude as channels; grey for zero, orange for what is not finite. */
  colour(magnitude) {
    if (!Number.isFinite(magnitude)) return [230, 159, 0];
    if (magnitude === 0) return [150, 150, 150];
    return magnitudeColour((Math.log10(magnitude) - this.low) / (this.high - this.low));
  }
}
