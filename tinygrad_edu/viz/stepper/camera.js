/* Pan and zoom: which part of the drawing is in sight. */

const CLOSEST = 4;
const LARGEST = 1.25; // what a small drawing is blown up to
const LEGIBLE = 0.62; // what a first sight should not be smaller than
const MARGIN = { side: 16, buttons: 62 }; // around the drawing; the buttons for zoom are on the right
const SPARED = 0.35; // share of the width up to which the drawing makes room for the open legend
const CLICK = 5; // a pointer that moves less is a click

class Camera {
  /** @param {SVGSVGElement} window_ @param {SVGElement} canvas */
  constructor(window_, canvas) {
    Object.assign(this, {
      window: window_,
      canvas,
      x: 0,
      y: 0,
      scale: 1,
      pointers: new Map(),
      dragged: false,
      bounds: { width: 1, height: 1 },
    });
    window_.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    window_.addEventListener("pointerdown", (event) => this.#down(event));
    window_.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) window_.addEventListener(end, (event) => this.#up(event));
    // A drag that ends on a node is no click on it.
    window_.addEventListener("click", (event) => this.dragged && event.stopPropagation(), { capture: true });
  }

  get size() {
    return { width: this.window.clientWidth || 1, height: this.window.clientHeight || 1 };
  }

  #apply() {
    this.canvas.setAttribute(
      "transform",
      `translate(${tenth(this.x)},${tenth(this.y)}) scale(${Number(this.scale.toFixed(4))})`,
    );
  }

  /** Go to a place, softly unless the reader wants little motion. */
  go(x, y, scale = this.scale) {
    cancelAnimationFrame(this.frame);
    const from = [this.x, this.y, this.scale];
    const to = [x, y, scale];
    const start = performance.now();
    const length = wantsStillness() ? 0 : 220;
    const tick = (now) => {
      const share = length ? Math.min(Math.max(now - start, 0) / length, 1) : 1;
      const soft = share * (2 - share);
      [this.x, this.y, this.scale] = from.map((a, i) => a + (to[i] - a) * soft);
      this.#apply();
      if (share < 1) this.frame = requestAnimationFrame(tick);
    };
    tick(start);
  }

  /** Go somewhere at once. */
  jump(x, y, scale = this.scale) {
    cancelAnimationFrame(this.frame);
    Object.assign(this, { x, y, scale });
    this.#apply();
  }

  /** Return where the room for the drawing begins: beside the open legend, where the window is wide enough. */
  #margin() {
    const { width } = legendSize();
    return width < SPARED * this.size.width ? Math.max(width, MARGIN.side) : MARGIN.side;
  }

  /** Return how large the whole drawing can be shown. */
  #whole() {
    const { width, height } = this.size;
    const across = (width - this.#margin() - MARGIN.buttons) / this.bounds.width;
    return { across, scale: Math.max(Math.min(across, (height - 2 * MARGIN.side) / this.bounds.height), 1e-3) };
  }

  #left(scale) {
    return (this.size.width + this.#margin() - MARGIN.buttons - this.bounds.width * scale) / 2;
  }

  /** Show the whole drawing. */
  fit() {
    const scale = Math.min(this.#whole().scale, LARGEST);
    this.go(this.#left(scale), (this.size.height - this.bounds.height * scale) / 2, scale);
  }

  /** Show the whole drawing if that is legible, else its start at a legible size. */
  start() {
    const { across, scale } = this.#whole();
    const whole = Math.min(scale, LARGEST);
    if (whole >= LEGIBLE)
      return this.jump(this.#left(whole), (this.size.height - this.bounds.height * whole) / 2, whole);
    const legible = Math.min(Math.max(across, LEGIBLE), 1);
    return this.jump(this.#left(legible), MARGIN.side, legible);
  }

  zoom(factor, at = { x: this.size.width / 2, y: this.size.height / 2 }, soft = true) {
    const smallest = Math.min(0.02, this.size.height / this.bounds.height / 2);
    const scale = Math.min(Math.max(this.scale * factor, smallest), CLOSEST);
    const x = at.x - (at.x - this.x) * (scale / this.scale);
    const y = at.y - (at.y - this.y) * (scale / this.scale);
    if (soft) this.go(x, y, scale);
    else this.jump(x, y, scale);
  }

  /** Bring a rectangle of the drawing to the middle. */
  centre({ x, y, width, height }) {
    const scale = Math.max(this.scale, LEGIBLE);
    this.go(this.size.width / 2 - (x + width / 2) * scale, this.size.height / 2 - (y + height / 2) * scale, scale);
  }

  /** Bring a rectangle of the drawing into sight if it is not. */
  keep(rectangle) {
    const { width, height } = this.size;
    const left = rectangle.x * this.scale + this.x;
    const top = rectangle.y * this.scale + this.y;
    const right = left + rectangle.width * this.scale;
    const bottom = top + rectangle.height * this.scale;
    const legend = legendSize();
    const covered = left < legend.width && bottom > height - legend.height;
    const inside = left > 8 && top > 8 && right < width - 8 && bottom < height - 8;
    if (!inside || covered) this.centre(rectangle);
  }

  /** Return a function that moves the camera so that what stood at one rectangle stands at another on the screen. */
  hold(before) {
    const screen = [before.x * this.scale + this.x, before.y * this.scale + this.y];
    return (after) => this.jump(screen[0] - after.x * this.scale, screen[1] - after.y * this.scale);
  }

  #point(event) {
    const { left, top } = this.window.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode ? 20 : 1);
    this.zoom(Math.exp(-Math.max(Math.min(pixels, 300), -300) * 0.002), this.#point(event), false);
  }

  #down(event) {
    if (event.button) return;
    this.pointers.set(event.pointerId, this.#point(event));
    if (this.pointers.size === 1) Object.assign(this, { dragged: false, pressed: this.#point(event) });
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#point(event);
    if (!this.dragged && this.pointers.size === 1 && Math.hypot(now.x - this.pressed.x, now.y - this.pressed.y) < CLICK)
      return;
    if (!this.dragged) this.window.setPointerCapture(event.pointerId);
    this.dragged = true;
    const others = Array.from(this.pointers)
      .filter(([id]) => id !== event.pointerId)
      .map(([, point]) => point);
    this.pointers.set(event.pointerId, now);
    if (others.length) this.#pinch(before, now, others[0]);
    else this.jump(this.x + now.x - before.x, this.y + now.y - before.y);
  }

  #pinch(before, now, other) {
    const length = (point) => Math.max(Math.hypot(point.x - other.x, point.y - other.y), 1);
    this.jump(this.x + (now.x - before.x) / 2, this.y + (now.y - before.y) / 2);
    this.zoom(length(now) / length(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }, false);
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
  }
}

/** Return how much of the lower left corner the open legend covers, with the space around it. */
function legendSize() {
  const legend = byId("legend");
  return legend.open ? { width: legend.offsetWidth + 20, height: legend.offsetHeight + 20 } : { width: 0, height: 0 };
}
