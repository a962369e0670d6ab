/* The bar at the bottom: first, back, play, forward, last, a slider, the speed. */

class Player {
  /** @param {number} last @param {(k: number) => void} go */
  constructor(last, turn, go) {
    Object.assign(this, { last, go, k: last, atRest: true, timer: null });
    this.slider = byId("slider");
    this.slider.max = String(last);
    byId("turn").style.left = last ? `${(100 * turn) / last}%` : "100%";
    this.slider.addEventListener("input", () => this.#stepTo(Number(this.slider.value)));
    const jobs = {
      first: () => this.#stepTo(0),
      back: () => this.step(-1),
      play: () => this.toggle(),
      forward: () => this.step(1),
      last: () => this.#stepTo(last),
    };
    for (const [id, job] of Object.entries(jobs)) byId(id).addEventListener("click", job);
  }

  get playing() {
    return this.timer !== null;
  }

  /** Return how many steps are taken in a second. */
  get speed() {
    return Number(byId("speed").value);
  }

  #stepTo(k) {
    this.pause();
    this.go(k);
  }

  step(by) {
    if (this.atRest && by > 0) return this.first();
    return this.#stepTo(Math.min(Math.max(this.k + by, 0), this.last));
  }

  first() {
    this.#stepTo(0);
  }

  end() {
    this.#stepTo(this.last);
  }

  toggle() {
    if (this.playing) return this.pause();
    if (this.k >= this.last) this.go(0);
    return this.#wait();
  }

  #wait() {
    this.timer = setTimeout(() => {
      this.go(Math.min(this.k + 1, this.last));
      if (this.k < this.last) this.#wait();
      else this.pause();
    }, 1000 / this.speed);
    this.#tell();
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = null;
    this.#tell();
  }

  #tell() {
    const button = byId("play");
    button.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    button.classList.toggle("playing", this.playing);
  }

  /** Show that step `k` has been reached; the phase "rest" is before the first step was taken, with all shown. */
  reached(k, caption, phase) {
    this.k = k;
    this.atRest = phase === "rest";
    this.slider.value = String(k);
    this.slider.setAttribute("aria-valuetext", caption);
    byId("caption").textContent = caption;
    byId("player").dataset.phase = phase;
    for (const id of ["first", "back"]) byId(id).disabled = k <= 0;
    for (const id of ["forward", "last"]) byId(id).disabled = k >= this.last && !this.atRest;
  }
}
