"use strict";
// The leaderboard, sortable, and the fields that filter: all that the charts can, without a mouse.
const ROWS = 200; // at first: a browser needs a second for some thousand
const COLUMNS = [
  { name: "rank", label: "rank" },
  ...HYPER.map((axis) => ({ name: axis.name, label: axis.label })),
  { name: "val_accuracy", label: "validation accuracy", text: (c) => (c.diverged ? "diverged" : percent(c.val_accuracy) + (c.pruned ? ", pruned" : "")) },
  { name: "behind", label: "behind the best ± standard error", text: behind },
  { name: "val_cross_entropy", label: "validation cross-entropy", text: (c) => (c.diverged ? "" : c.val_cross_entropy.toFixed(4)) },
  { name: "best_epoch", label: "best epoch" },
  { name: "epochs", label: "epochs" },
  { name: "seconds", label: "seconds" },
];
const sorting = { name: "rank", down: false };
let everyRow = false;

function behind(c) {
  if (c.rank === 1) return "the best";
  if (c.behind === null) return "";
  const near = c.near ? ", within noise" : "";
  return `${(100 * c.behind).toFixed(2)} ± ${(100 * c.behind_se).toFixed(2)} points${near}`;
}

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function drawHead(table) {
  const row = table.createTHead().insertRow();
  for (const column of COLUMNS) {
    const cell = element("th", undefined, { scope: "col" });
    const button = element("button", column.label, { type: "button", "data-sort": column.name });
    button.addEventListener("click", () => {
      sorting.down = sorting.name === column.name && !sorting.down;
      sorting.name = column.name;
      change({});
    });
    cell.append(button);
    row.append(cell);
  }
  table.createTBody();
}

function drawTable(chosen) {
  const table = document.getElementById("table");
  if (!table.tHead) drawHead(table);
  const filtered = state.best < ALL.length || Object.keys(state.ranges).length;
  const all = filtered ? [...chosen] : [...ALL];
  all.sort((a, b) => order(a[sorting.name] ?? Infinity, b[sorting.name] ?? Infinity) * (sorting.down ? -1 : 1) || a.rank - b.rank);
  for (const [index, cell] of [...table.tHead.rows[0].cells].entries()) {
    const mine = COLUMNS[index].name === sorting.name;
    cell.setAttribute("aria-sort", mine ? (sorting.down ? "descending" : "ascending") : "none");
  }
  const rows = everyRow ? all : all.slice(0, ROWS);
  const body = element("tbody");
  for (const c of rows) {
    const row = body.insertRow();
    row.dataset.rank = c.rank;
    row.classList.toggle("picked", c === state.picked);
    row.classList.toggle("out", c.diverged);
    for (const column of COLUMNS) {
      const cell = row.insertCell();
      if (column.name === "rank") {
        cell.append(element("button", String(c.rank), {
          type: "button", "aria-label": `Pick rank ${c.rank}: ${words(c)}`, "aria-pressed": String(c === state.picked),
        }));
      } else cell.textContent = column.text ? column.text(c) : number(c[column.name]);
    }
  }
  const focused = document.activeElement?.closest("#table tbody tr")?.dataset.rank;
  table.tBodies[0].replaceWith(body);
  if (focused) body.querySelector(`tr[data-rank="${focused}"] button`)?.focus();
  const more = document.getElementById("more");
  more.hidden = rows.length === all.length;
  more.textContent = `Show all ${all.length} rows`;
}

function pickFromTable(event) {
  const row = event.target.closest("tbody tr");
  if (!row) return;
  const picked = ALL[Number(row.dataset.rank) - 1];
  change({ picked: picked === state.picked ? null : picked });
}

function drawDetail() {
  const c = shown();
  const box = document.getElementById("detail");
  const head = element("p");
  head.append(element("strong", `Rank ${c.rank}: ${words(c)}`));
  const figures = c.diverged
    ? `diverged after ${c.epochs} epochs`
    : `validation accuracy ${percent(c.val_accuracy)}, cross-entropy ${c.val_cross_entropy.toFixed(4)}, ` +
      `best epoch ${c.best_epoch}, ${c.epochs} epochs trained in ${c.seconds} s`;
  const ids = element("p");
  ids.append("W&B run ", element("code", c.wandb.join(" ")), " · Prefect task run ", element("code", c.prefect.join(" ")));
  box.replaceChildren(head, element("p", figures), ids);
}

// A pair of fields for every axis that has two values: of its levels to choose from, or of numbers.
function drawRanges() {
  const place = document.getElementById("ranges");
  for (const axis of AXES.filter((axis) => axis.values.length > 1)) {
    const set = element("fieldset");
    set.append(element("legend", axis.label.replace("\n", " ")));
    for (const [end, side] of ["from", "to"].entries()) {
      const label = element("label", `${side} `);
      const field = element(axis.levels ? "select" : "input", undefined, { "data-axis": axis.name, "data-end": end });
      if (axis.levels) axis.values.forEach((value, index) => field.append(element("option", number(value), { value: index })));
      else Object.assign(field, { type: "number", step: "any", placeholder: axis.text(end ? axis.high : axis.low) });
      label.append(field, " ");
      set.append(label);
      field.addEventListener("change", () => change({ ranges: rangesOfFields() }));
    }
    place.append(set);
  }
  showRanges();
}

function rangesOfFields() {
  const ranges = {};
  for (const axis of AXES.filter((axis) => axis.values.length > 1)) {
    const given = [0, 1].map((end) => {
      const text = document.querySelector(`[data-axis="${axis.name}"][data-end="${end}"]`).value;
      if (text === "") return end ? axis.high : axis.low;
      const value = Number(text);
      return axis.levels ? value : axis.place(axis.name === "val_accuracy" ? value / 100 : value);
    });
    const range = [Math.min(...given), Math.max(...given)];
    if (range[0] > axis.low || range[1] < axis.high) ranges[axis.name] = range;
  }
  return ranges;
}

function showRanges() {
  for (const field of document.querySelectorAll("#ranges [data-axis]")) {
    const axis = AXES.find(({ name }) => name === field.dataset.axis);
    const end = Number(field.dataset.end);
    const range = state.ranges[axis.name];
    if (axis.levels) field.value = String(range ? (end ? Math.floor(range[1] + 1e-9) : Math.ceil(range[0] - 1e-9)) : end ? axis.values.length - 1 : 0);
    else if (!range) field.value = "";
    else field.value = axis.name === "val_accuracy" ? (100 * range[end]).toFixed(3) : axis.log ? (10 ** range[end]).toPrecision(4) : range[end].toPrecision(6);
  }
  const best = document.getElementById("best");
  if (document.activeElement !== best) best.value = state.best;
}
