// The transport that every page has: play, position, what to hear, and their keys.
"use strict";

const SKIP_S = 2;
const MODES = { mix: [1, 1], alone: [0, 1], context: [1, 0] };

class Deck {
  // `choose` switches to take `index` of `count()`, where `current()` is playing.
  constructor({ choose, count, current }) {
    this.choose = choose;
    this.count = count;
    this.current = current;
    this.library = new Library();
    this.player = new Player(this.library, () => this.#showPlaying());
    $("play").addEventListener("click", () => this.toggle());
    $("seek").addEventListener("input", () => this.player.seek(Number($("seek").value)));
    for (const radio of document.querySelectorAll("input[name=mode]")) {
      radio.addEventListener("change", () => this.setMode(radio.value));
    }
    document.addEventListener("keydown", (event) => this.#onKey(event));
    window.addEventListener("unhandledrejection", ({ reason }) => {
      if (reason.name === "EncodingError") $("chosen").textContent = "This browser plays no Opus.";
    });
  }

  // Another context with its takes; `sounds` are all that may be chosen.
  load(excerpt, sounds) {
    this.library.keep(sounds);
    $("seek").max = excerpt.seconds;
    $("length").textContent = clock(excerpt.seconds).slice(0, -2);
    this.sounds = sounds;
    this.player.load(excerpt);
  }

  toggle() {
    return this.player.playing ? this.player.pause() : this.player.play();
  }

  get mode() {
    return document.querySelector("input[name=mode]:checked").value;
  }

  setMode(name) {
    document.querySelector(`input[name=mode][value=${name}]`).checked = true;
    $("deck").dataset.mode = name;
    this.player.balance(...MODES[name]);
  }

  #keys = {
    " ": () => this.toggle(),
    ArrowLeft: () => this.player.seek(this.player.position - SKIP_S),
    ArrowRight: () => this.player.seek(this.player.position + SKIP_S),
    ArrowUp: () => this.choose(Math.max(0, this.current() - 1)),
    ArrowDown: () => this.choose(Math.min(this.count() - 1, this.current() + 1)),
    Home: () => this.player.seek(0),
    m: () => this.setMode("mix"),
    a: () => this.setMode(this.mode === "alone" ? "mix" : "alone"),
    c: () => this.setMode(this.mode === "context" ? "mix" : "context"),
  };

  // Whether a key belongs to what has the focus: to a text, to the slider of a rating, or to a
  // button or switch that was reached by keyboard.
  static #isOwn({ target, key }) {
    if (target.matches("[type=text]")) return true;
    if (target.matches("[type=range]:not(#seek)")) return /^(Home|End|Arrow.*)$/.test(key);
    return target.matches(":is(button, summary, [name=mode]):focus-visible") && /^( |Arrow.*)$/.test(key);
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || Deck.#isOwn(event)) return;
    const digit = /^\d$/.test(event.key) ? (Number(event.key) + 9) % 10 : Infinity;
    if (digit < this.count()) this.choose(digit);
    else if (this.#keys[event.key]) this.#keys[event.key]();
    else return;
    event.preventDefault();
  }

  #showPlaying() {
    const { playing } = this.player;
    $("deck").dataset.state = playing ? "playing" : "paused";
    $("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    if (playing) for (const id of this.sounds) this.library.get(id); // so that switching is instant
    this.#showPosition();
  }

  #showPosition() {
    const { position, seconds, playing } = this.player;
    $("seek").value = position;
    $("seek").setAttribute("aria-valuetext", `${position.toFixed(1)} of ${seconds.toFixed(0)} seconds`);
    $("clock").textContent = clock(position);
    $("deck").style.setProperty("--at", position / (seconds || 1));
    if (playing) requestAnimationFrame(() => this.#showPosition());
  }
}
