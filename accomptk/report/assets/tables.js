// Sorts tables by a column: best first, worst first, as it was.
"use strict";

function makeSortable(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  for (const heading of table.tHead.rows[0].cells) {
    const button = heading.querySelector("button");
    button?.addEventListener("click", () => {
      const states = { none: "first", first: "last", last: "none" };
      const state = states[heading.dataset.state ?? "none"];
      for (const other of table.tHead.rows[0].cells) clear(other);
      body.append(...original);
      if (state !== "none") body.append(...sorted(original, heading, state === "first"));
      mark(heading, state);
    });
  }
}

function clear(heading) {
  delete heading.dataset.state;
  heading.removeAttribute("aria-sort");
}

// Rows from best to worst or the reverse; those without a value stay last.
function sorted(rows, heading, bestFirst) {
  const column = heading.cellIndex;
  const cost = (row) => {
    const text = row.cells[column].dataset.value;
    if (text === undefined) return NaN;
    const value = Number(text);
    const off = (middle) => Math.abs(value - middle);
    const costs = { high: -value, low: value, one: off(1), zero: off(0) };
    return (bestFirst ? 1 : -1) * costs[heading.dataset.best];
  };
  const known = rows.filter((row) => !Number.isNaN(cost(row)));
  const unknown = rows.filter((row) => Number.isNaN(cost(row)));
  return [...known.sort((a, b) => cost(a) - cost(b)), ...unknown];
}

function mark(heading, state) {
  if (state === "none") return clear(heading);
  heading.dataset.state = state;
  const rising = (heading.dataset.best === "low") === (state === "first");
  heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
}
