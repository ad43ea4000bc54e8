// Leads through the trials of a listening test and saves what was rated.
"use strict";

const test = JSON.parse($("test").textContent);
const store = `listening-test-${test.test}`;
const ratings = restore(); // by trial and version, both counted from 0
let trial = 0;
let version = 0;
const deck = new Deck({
  choose,
  count: () => test.trials[trial].takes.length,
  current: () => version,
});

// What an earlier visit left; some browsers keep nothing for pages from a file.
function restore() {
  try {
    return JSON.parse(localStorage.getItem(store)) ?? {};
  } catch {
    return {};
  }
}

function keep(index, value) {
  (ratings[trial] ??= {})[index] = value;
  try {
    localStorage.setItem(store, JSON.stringify(ratings));
  } catch {
    // The ratings are still on the page.
  }
  showMissing();
}

function openTrial(index) {
  trial = index;
  version = 0;
  const { context, takes, seconds, gain, instrument } = test.trials[index];
  $("progress").textContent = `Trial ${index + 1} of ${test.trials.length}`;
  $("question").textContent = `How well does the ${instrument} play along with the others? Versions may be more or less alike.`;
  $("versions").replaceChildren(...takes.map((_, place) => makeVersion(place)));
  deck.load({ context, take: takes[0], seconds, gain }, [context, ...takes]);
  $("back").disabled = index === 0;
  choose(0);
  showMissing();
}

// A radio button to listen and a slider to rate.
function makeVersion(place) {
  const radio = make("input", { type: "radio", name: "version", checked: place === 0 });
  radio.addEventListener("change", () => choose(place));
  const pill = make("span", { className: "pill", textContent: `Version ${place + 1}` });
  const given = ratings[trial]?.[place];
  const value = make("output", { textContent: given ?? "–" });
  const slider = make("input", { type: "range", min: 0, max: 100, value: given ?? 50, className: given === undefined ? "unset" : "" });
  slider.setAttribute("aria-label", `Rating of version ${place + 1}, 0 bad to 100 excellent`);
  const rate = () => {
    slider.className = "";
    value.textContent = slider.value;
    keep(place, Number(slider.value));
  };
  slider.addEventListener("input", rate);
  slider.addEventListener("pointerup", rate);
  return make("li", {}, make("label", { className: "choices" }, radio, pill), make("small", { textContent: "bad" }), slider, make("small", { textContent: "excellent" }), value);
}

function choose(index) {
  version = index;
  pick($("versions").querySelectorAll("[type=radio]")[index]);
  $("chosen").textContent = `Version ${index + 1}`;
  deck.player.choose(test.trials[trial].takes[index]);
}

// How many versions of a trial have no rating yet.
function missing(index) {
  return test.trials[index].takes.length - Object.keys(ratings[index] ?? {}).length;
}

function showMissing() {
  const last = trial === test.trials.length - 1;
  const left = missing(trial);
  $("missing").textContent = left ? `${left} to rate` : "";
  $("next").disabled = last || left > 0;
  $("export").hidden = !test.trials.every((_, index) => missing(index) === 0);
}

function rows() {
  const listener = $("listener").value.trim();
  return test.trials.flatMap(({ takes }, index) =>
    takes.map((_, place) => ({
      test: test.test,
      listener,
      trial: index + 1,
      version: place + 1,
      rating: ratings[index][place],
    })),
  );
}

function toCsv(records) {
  const quote = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
  const lines = records.map((record) => Object.values(record).map(quote).join(","));
  return `${[Object.keys(records[0]).join(","), ...lines].join("\n")}\n`;
}

function save(text, type, suffix) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: url, download: `ratings-${test.test}.${suffix}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

$("back").addEventListener("click", () => openTrial(trial - 1));
$("next").addEventListener("click", () => openTrial(trial + 1));
$("json").addEventListener("click", () => save(JSON.stringify(rows(), null, 2), "application/json", "json"));
$("csv").addEventListener("click", () => save(toCsv(rows()), "text/csv", "csv"));
startTheme($("theme"));
deck.setMode("mix");
openTrial(0);
