// Decodes the page's sounds when they are needed, and plays two in step: a context and a take.
"use strict";

const RATE_HZ = 48000;
const FADE_S = 0.015;
const LEAD_S = 0.03; // sources are started a little ahead, so that they start together

class Library {
  #buffers = new Map();

  // The AudioBuffer of a sound, decoded once.
  get(id) {
    if (!this.#buffers.has(id)) this.#buffers.set(id, Library.#decode(id));
    return this.#buffers.get(id);
  }

  // Forgets every sound but these; a decoded half minute takes some 6 MB.
  keep(ids) {
    for (const id of this.#buffers.keys()) if (!ids.includes(id)) this.#buffers.delete(id);
  }

  static async #decode(id) {
    const text = document.getElementById(id).textContent.trim();
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new OfflineAudioContext(1, 1, RATE_HZ).decodeAudioData(bytes.buffer);
  }
}

// Keeps its position when another take, another balance or another voice is chosen.
class Player {
  #library;
  #ids = { context: null, take: null };
  #sources = { context: null, take: null };
  #balance = { context: 1, take: 1 };
  #gain = 1;
  #offset_s = 0;
  #zero_s = 0; // the audio clock's time at position 0
  playing = false;
  seconds = 0;

  // `changed` is called when playing starts, stops or ends.
  constructor(library, changed) {
    this.#library = library;
    this.changed = changed;
  }

  get position() {
    if (!this.playing) return this.#offset_s;
    const heard = this.audio.currentTime - (this.audio.outputLatency || 0) - this.#zero_s;
    return Math.min(this.seconds, Math.max(this.#offset_s, heard));
  }

  // Another excerpt, from its start; goes on playing if it was.
  async load({ context, take, seconds, gain }) {
    const resume = this.playing;
    this.#halt(0);
    this.seconds = seconds;
    this.#gain = gain;
    this.#ids = { context, take };
    this.#apply();
    if (resume) await this.play();
    else this.changed();
  }

  // Another take, at the same position.
  async choose(take) {
    this.#ids.take = take;
    const buffer = await this.#library.get(take);
    if (this.playing && this.#ids.take === take) this.#start("take", buffer);
  }

  // How loud the two are, 0 or 1.
  balance(context, take) {
    this.#balance = { context, take };
    this.#apply();
  }

  async play() {
    if (this.playing) return;
    this.audio ??= this.#open();
    const resumed = this.audio.resume(); // at once, while the browser sees the user's gesture
    const ids = this.#ids;
    const found = await Promise.all([ids.context, ids.take].map((id) => this.#library.get(id)));
    await resumed;
    if (this.playing || ids.context !== this.#ids.context) return;
    const take = ids.take === this.#ids.take ? found[1] : await this.#library.get(this.#ids.take);
    this.playing = true;
    this.#zero_s = this.audio.currentTime + LEAD_S - this.#offset_s;
    this.#start("context", found[0]);
    this.#start("take", take);
    this.changed();
  }

  pause() {
    this.#halt(this.position);
    this.changed();
  }

  async seek(position_s) {
    const resume = this.playing;
    this.#halt(Math.min(this.seconds, Math.max(0, position_s)));
    if (resume) await this.play();
    else this.changed();
  }

  #open() {
    const audio = new AudioContext({ sampleRate: RATE_HZ, latencyHint: "interactive" });
    this.output = audio.createGain();
    this.output.connect(audio.destination);
    this.buses = { context: audio.createGain(), take: audio.createGain() };
    for (const bus of Object.values(this.buses)) bus.connect(this.output);
    this.audio = audio;
    this.#apply();
    return audio;
  }

  #apply() {
    if (!this.audio) return;
    const now = this.audio.currentTime;
    for (const [voice, bus] of Object.entries(this.buses)) {
      bus.gain.setTargetAtTime(this.#gain * this.#balance[voice], now, FADE_S / 3);
    }
  }

  // Fades a voice over to a buffer at the common position.
  #start(voice, buffer) {
    const at = this.audio.currentTime + LEAD_S;
    const source = new AudioBufferSourceNode(this.audio, { buffer });
    const fade = new GainNode(this.audio, { gain: 0 });
    source.connect(fade).connect(this.buses[voice]);
    fade.gain.setTargetAtTime(1, at, FADE_S / 3);
    source.start(at, Math.max(0, at - this.#zero_s));
    source.onended = () => {
      if (this.#sources.context?.source === source) this.#finish();
    };
    this.#stop(voice, at);
    this.#sources[voice] = { source, fade };
  }

  #stop(voice, at) {
    const old = this.#sources[voice];
    this.#sources[voice] = null;
    if (!old) return;
    old.fade.gain.setTargetAtTime(0, at, FADE_S / 3);
    old.source.stop(at + 2 * FADE_S);
  }

  #halt(offset_s) {
    if (this.playing) for (const voice of ["context", "take"]) this.#stop(voice, this.audio.currentTime);
    this.playing = false;
    this.#offset_s = offset_s;
  }

  #finish() {
    this.#halt(0);
    this.changed();
  }
}
