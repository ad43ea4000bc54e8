// Joins the report's players, pictures and tables.
"use strict";

const SPECTRUM = { columns: 720, rows: 110 };

const excerpts = JSON.parse($("excerpts").textContent);
let excerpt = null;
let take = 0;
let levels = null; // of the chosen take's spectrogram
let deck = null;

// One button a choice, labelled by name, of which one is pressed.
function fillChoices(box, labels, chosen, choose) {
  const makeButton = ([name, textContent]) => {
    const button = make("button", { type: "button", textContent });
    button.setAttribute("aria-pressed", String(name === chosen));
    button.addEventListener("click", () => choose(name));
    return button;
  };
  box.replaceChildren(...Object.entries(labels).map(makeButton));
}

// The excerpt of a song and part, or the song's first where it has no such part.
function find(song, part) {
  const ofSong = excerpts.filter((other) => other.song === song);
  return ofSong.find((other) => other.part === part) ?? ofSong[0];
}

function openExcerpt(other) {
  const label = excerpt?.takes[take].label;
  excerpt = other;
  take = Math.max(0, excerpt.takes.findIndex((found) => found.label === label));
  const songs = Object.fromEntries(excerpts.map(({ song, title }) => [song, title]));
  const ofSong = excerpts.filter(({ song }) => song === excerpt.song);
  const parts = Object.fromEntries(ofSong.map(({ part }) => [part, part]));
  fillChoices($("songs"), songs, excerpt.song, (song) => openExcerpt(find(song, excerpt.part)));
  fillChoices($("parts"), parts, excerpt.part, (part) => openExcerpt(find(excerpt.song, part)));
  $("prompt").textContent = [excerpt.prompt, excerpt.song].filter(Boolean).join(" · ");
  $("warmup").style.width = `${(100 * excerpt.start) / excerpt.seconds}%`;
  $("takes").replaceChildren(...excerpt.takes.map(makeLane));
  const sounds = [excerpt.context.audio, ...excerpt.takes.map(({ audio }) => audio)];
  deck.load({ ...excerpt, context: sounds[0], take: sounds[1 + take] }, sounds);
  choose(take);
  drawAll();
}

// A lane a version; the arrow keys of a radio group switch between them.
function makeLane({ label, scores, colour }, index) {
  const radio = make("input", { type: "radio", name: "take", checked: index === take });
  radio.addEventListener("change", () => choose(index));
  const key = make("kbd", { textContent: index < 10 ? (index + 1) % 10 : "" });
  const words = [make("span", { textContent: label }), make("small", { textContent: scores })];
  const name = make("span", { className: "name" }, key, ...words);
  const lane = make("label", { className: "lane", title: scores }, radio, name, make("canvas", { ariaHidden: "true" }));
  lane.dataset.colour = colour ?? "none";
  return lane;
}

async function choose(index) {
  take = index;
  const { audio, label, colour } = excerpt.takes[index];
  pick($("takes").querySelectorAll("input")[index]);
  $("chosen").textContent = label;
  $("spectrum-name").textContent = label;
  $("spectrum").dataset.colour = colour ?? "none";
  deck.player.choose(audio);
  const buffer = await deck.library.get(audio);
  if (excerpt.takes[take].audio !== audio) return;
  levels = spectrogram(buffer, SPECTRUM.columns, SPECTRUM.rows);
  drawSpectrum();
}

function drawSpectrum() {
  const canvas = $("spectrum").querySelector("canvas");
  if (levels) drawSpectrogram(canvas, levels, SPECTRUM.columns, SPECTRUM.rows);
}

function drawAll() {
  if (!excerpt) return;
  const outlines = excerpt.takes.map(({ outline }) => readOutline(outline));
  const loudest = Math.max(...outlines.map((outline) => Math.max(...outline)));
  const context = readOutline(excerpt.context.outline);
  drawRuler($("ruler"), excerpt);
  drawOutline($("context").querySelector("canvas"), context, Math.max(...context));
  $("takes").querySelectorAll("canvas").forEach((canvas, index) => drawOutline(canvas, outlines[index], loudest));
  drawSpectrum();
}

// Seeks to where on the pictures a pointer is.
function point(event) {
  const { left, width } = $("ruler").getBoundingClientRect();
  const share = (event.clientX - left) / width;
  if (event.button === 0 && share >= 0 && share <= 1) deck.player.seek(share * excerpt.seconds);
}

function startListening() {
  deck = new Deck({ choose, count: () => excerpt.takes.length, current: () => take });
  deck.setMode("mix");
  $("timeline").addEventListener("pointerdown", point);
  openExcerpt(excerpts[0]);
  new ResizeObserver(drawAll).observe($("timeline"));
}

function showGroup(name) {
  for (const table of document.querySelectorAll("[data-group]")) table.hidden = table.dataset.group !== name;
}

document.querySelectorAll("table").forEach(makeSortable);
for (const radio of document.querySelectorAll("input[name=group]")) {
  radio.addEventListener("change", () => showGroup(radio.value));
}
if (excerpts.length) startListening();
startTheme($("theme"), drawAll);
