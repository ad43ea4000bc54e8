// Draws outlines, spectrograms and the ruler of bars and chords, in the colours of the style sheet.
"use strict";

const FFT = 2048;
const LOWEST_HZ = 50;
const HIGHEST_HZ = 16000;
const RANGE_DB = 75;

// A canvas cleared and sized to its box; returns its context, in CSS pixels, and its size.
function prepare(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const dense = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * dense);
  canvas.height = Math.round(height * dense);
  const pen = canvas.getContext("2d");
  pen.scale(dense, dense);
  return { pen, width, height };
}

// The bytes of an outline as shares of the loudest.
function readOutline(text) {
  return Float32Array.from(atob(text), (letter) => letter.charCodeAt(0) / 255);
}

// Bars around the middle; `loudest` is full height.
function drawOutline(canvas, outline, loudest) {
  const { pen, width, height } = prepare(canvas);
  const step = 3;
  const count = Math.floor(width / step);
  pen.fillStyle = getComputedStyle(canvas).color;
  for (let bar = 0; bar < count; bar++) {
    const first = Math.floor((bar * outline.length) / count);
    const last = Math.max(first + 1, Math.floor(((bar + 1) * outline.length) / count));
    const peak = Math.max(...outline.subarray(first, last)) / (loudest || 1);
    const tall = Math.max(1, peak * (height - 4));
    pen.fillRect(bar * step, (height - tall) / 2, step - 1, tall);
  }
}

// Levels in dB below the loudest, [rows][columns], rows on a logarithmic scale from the top.
function spectrogram(buffer, columns, rows) {
  const wav = buffer.getChannelData(0);
  const window_ = Float32Array.from({ length: FFT }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / FFT));
  const edges = Array.from({ length: rows + 1 }, (_, row) => {
    const hz = LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** (row / rows);
    return (hz * FFT) / buffer.sampleRate;
  });
  const levels = new Float32Array(rows * columns);
  const re = new Float32Array(FFT);
  const im = new Float32Array(FFT);
  let loudest = 1e-12;
  for (let column = 0; column < columns; column++) {
    const middle = Math.round(((column + 0.5) * wav.length) / columns);
    for (let n = 0; n < FFT; n++) re[n] = (wav[middle - FFT / 2 + n] || 0) * window_[n];
    im.fill(0);
    transform(re, im);
    for (let row = 0; row < rows; row++) {
      const first = Math.floor(edges[row]);
      const last = Math.max(first + 1, Math.floor(edges[row + 1]));
      let power = 0;
      for (let bin = first; bin < last; bin++) power = Math.max(power, re[bin] ** 2 + im[bin] ** 2);
      loudest = Math.max(loudest, power);
      levels[(rows - 1 - row) * columns + column] = power;
    }
  }
  return levels.map((power) => 10 * Math.log10(power / loudest + 1e-12));
}

// The fast Fourier transform in place; lengths are powers of two.
function transform(re, im) {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const angle = (-2 * Math.PI) / size;
    for (let k = 0; k < size / 2; k++) {
      const c = Math.cos(angle * k);
      const s = Math.sin(angle * k);
      for (let a = k; a < n; a += size) {
        const b = a + size / 2;
        const x = re[b] * c - im[b] * s;
        const y = re[b] * s + im[b] * c;
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

// Paints levels from `color` (faint to full) towards `stroke` where they are loudest.
function drawSpectrogram(canvas, levels, columns, rows) {
  const style = getComputedStyle(canvas);
  const [body, loud] = [rgb(style.color), rgb(style.stroke)];
  const picture = new ImageData(columns, rows);
  levels.forEach((level, index) => {
    const share = Math.max(0, 1 + level / RANGE_DB);
    const heat = Math.max(0, 2 * share - 1) ** 1.5;
    for (let c = 0; c < 3; c++) picture.data[4 * index + c] = body[c] + heat * (loud[c] - body[c]);
    picture.data[4 * index + 3] = 255 * Math.min(1, 1.6 * share ** 1.6);
  });
  canvas.width = columns;
  canvas.height = rows;
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function rgb(colour) {
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data;
}

// Bar lines and chord names, or seconds where no bars are known.
function drawRuler(canvas, { seconds, downbeats, chords }) {
  const { pen, width, height } = prepare(canvas);
  const style = getComputedStyle(canvas);
  const at = (time) => (time / seconds) * width;
  const named = chords.filter(([start, , name]) => name && start < seconds);
  const lines = downbeats.length ? downbeats : Array.from({ length: seconds / 5 + 1 }, (_, n) => 5 * n);
  const labels = named.length ? named.map(([start, , name]) => [start, name]) : lines.map((time) => [time, clock(time).slice(0, -2)]);
  pen.fillStyle = style.stroke;
  for (const time of lines) pen.fillRect(Math.round(at(time)), height - 5, 1, 5);
  pen.fillStyle = style.color;
  pen.font = `${style.fontSize} ${style.fontFamily}`;
  let free = 0;
  let last = "";
  for (const [time, name] of labels) {
    const x = Math.max(0, at(time));
    const room = pen.measureText(name).width;
    if (name === last || x < free || x + room > width) continue;
    pen.fillText(name, x, height - 8);
    free = x + room + 6;
    last = name;
  }
}
