"use strict";
// The sortable leaderboard, and the filter fields: all functions of the charts, without a mouse.
const SHOWN_ROWS = 200; // at first: a browser needs a second for some thousand rows
const COLUMNS = [
  { name: "rank", label: "rank" },
  ...HYPER.map((axis) => ({ name: axis.name, label: axis.label })),
  { name: "val_accuracy", label: "validation accuracy", text: accuracy },
  { name: "behind_best", label: `${DATA.selected.label} behind the best, ${DATA.selected.fraction ? "points" : "nats"} ± standard error`, text: behind },
  { name: "val_cross_entropy", label: "validation cross-entropy", text: (c) => (c.diverged ? "" : c.val_cross_entropy.toFixed(4)) },
  { name: "best_epoch", label: "best epoch" },
  { name: "epochs_trained", label: "epochs" },
  { name: "seconds", label: "seconds" },
];
const sorting = { name: "rank", down: false };
let everyRow = false;

function accuracy(c) {
  if (c.diverged) return "diverged";
  return percent(c.val_accuracy) + (c.val_accuracy_std === undefined ? "" : ` ± ${(100 * c.val_accuracy_std).toFixed(2)}`) + (c.pruned ? ", pruned" : "");
}

function behind(c) {
  if (c.rank === 1) return "the best";
  if (c.behind_best === null) return "";
  const near = c.within_noise ? ", within noise" : "";
  const [scale, digits] = DATA.selected.fraction ? [100, 2] : [1, 4];
  return `${(scale * c.behind_best).toFixed(digits)} ± ${(scale * c.behind_best_se).toFixed(digits)}${near}`;
}

function element(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
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

// The rows of the table: the chosen combinations, or all, in sorted order.
function listed(chosen) {
  const filtered = state.best < ALL.length || Object.keys(state.ranges).length;
  const sign = sorting.down ? -1 : 1;
  return [...(filtered ? chosen : ALL)].sort(
    (a, b) => order(a[sorting.name] ?? Infinity, b[sorting.name] ?? Infinity) * sign || a.rank - b.rank,
  );
}

function drawTable(chosen) {
  const table = document.getElementById("table");
  if (!table.tHead) drawHead(table);
  const all = listed(chosen);
  for (const [index, cell] of [...table.tHead.rows[0].cells].entries()) {
    const active = COLUMNS[index].name === sorting.name;
    cell.setAttribute("aria-sort", active ? (sorting.down ? "descending" : "ascending") : "none");
  }
  const rows = everyRow ? all : all.slice(0, SHOWN_ROWS);
  const body = element("tbody");
  for (const c of rows) {
    const row = body.insertRow();
    row.dataset.rank = c.rank;
    row.classList.toggle("picked", state.picks.includes(c));
    row.classList.toggle("out", c.diverged);
    for (const column of COLUMNS) {
      const cell = row.insertCell();
      if (column.name === "rank") {
        cell.append(element("button", String(c.rank), {
          type: "button", "aria-label": `Pick rank ${c.rank}: ${words(c)}`, "aria-pressed": String(state.picks.includes(c)),
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
  if (row) pick(ALL[Number(row.dataset.rank) - 1]);
}

// A CSV file of the rows in the table. Texts that a spreadsheet would take for a formula get a leading quote.
function download() {
  const names = ["rank", ...HYPER.map((axis) => axis.name), ...Object.keys(ALL[0]).filter((name) => name !== "rank" && !HYPER.some((axis) => axis.name === name))];
  const cell = (value) => {
    const text = Array.isArray(value) ? value.join(" ") : String(value ?? "");
    const safe = typeof value !== "number" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const lines = [names, ...listed(active()).map((c) => names.map((name) => c[name]))].map((row) => row.map(cell).join(","));
  const link = element("a", "", { download: "combinations.csv", href: URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// The compared combinations, one column each; accuracies against the first column, or the winner if there is one column.
function drawDetail() {
  const columns = compared();
  const reference = columns.length > 1 ? columns[0] : ALL[0];
  const against = (c) => {
    const [points, error] = difference(c, reference);
    if (c === reference || c.diverged || reference.diverged) return "";
    return `${points < 0 ? "−" : "+"}${(100 * Math.abs(points)).toFixed(2)}` + (error === null ? "" : ` ± ${(100 * error).toFixed(2)}`) + " points";
  };
  const code = (ids, prefix) => (c) => ids(c).map((id) => (prefix && c.online ? element("a", id, { href: prefix + id }) : element("code", id)));
  const rows = [
    ...HYPER.map((axis) => [axis.label, (c) => number(c[axis.name])]),
    ...COLUMNS.filter(({ name }) => !["rank", "behind_best", ...HYPER.map((axis) => axis.name)].includes(name)).map(({ name, label, text }) => [label, text ?? ((c) => number(c[name]))]),
    ...(columns.some((c) => c !== reference) ? [[`accuracy against rank ${reference.rank}, same rows ± standard error`, against]] : []),
    ["W&B run", code((c) => c.wandb_runs.split(" "), DATA.runs_at)],
    ["Prefect task run", code((c) => c.prefect)],
  ];
  const table = element("table");
  const head = table.createTHead().insertRow();
  head.append(element("td"), ...columns.map((c) => element("th", `Rank ${c.rank}`, { scope: "col" })));
  const body = table.createTBody();
  for (const [label, text] of rows) {
    const row = body.insertRow();
    row.append(element("th", label, { scope: "row" }));
    for (const c of columns) row.insertCell().append(...[text(c)].flat().flatMap((part) => [part, " "]));
  }
  document.getElementById("detail").replaceChildren(table);
}

// Validation accuracy over two axes, as a table of colours. An axis without levels is cut into equal intervals.
const INTERVALS = 8;
const CROSSED = HYPER.filter((axis) => axis.values.length > 1);

function cellsOf(axis) {
  if (axis.levels) return { labels: axis.values.map(number), at: (c) => axis.place(c[axis.name]) };
  const step = (axis.high - axis.low) / INTERVALS;
  return {
    labels: Array.from({ length: INTERVALS }, (_, i) => `${axis.text(axis.low + i * step)} – ${axis.text(axis.low + (i + 1) * step)}`),
    at: (c) => Math.min(INTERVALS - 1, Math.floor((axis.place(c[axis.name]) - axis.low) / step)),
  };
}

function offerAxes() {
  for (const [number, field] of [...document.querySelectorAll("#heat [data-side]")].entries()) {
    CROSSED.forEach((axis, index) => field.append(element("option", axis.label, { value: index })));
    field.value = String(number);
  }
  document.getElementById("heat").hidden = CROSSED.length < 2;
}

function drawHeat(chosen, colors) {
  const box = document.getElementById("heat");
  if (box.hidden) return;
  const [statistic, down, across] = [...box.querySelectorAll("select")].map((field) => field.value);
  const [rows, columns] = [CROSSED[down], CROSSED[across]].map(cellsOf);
  const accuracies = rows.labels.map(() => columns.labels.map(() => []));
  for (const c of chosen) accuracies[rows.at(c)][columns.at(c)].push(c.val_accuracy);
  const figure = (values) => (statistic === "best" ? Math.max(...values) : values.reduce((a, b) => a + b, 0) / values.length);
  const table = element("table");
  const head = table.createTHead().insertRow();
  head.append(element("th", `${CROSSED[down].label} \\ ${CROSSED[across].label}`, { scope: "col" }), ...columns.labels.map((label) => element("th", label, { scope: "col" })));
  const body = table.createTBody();
  accuracies.forEach((cells, i) => {
    const row = body.insertRow();
    row.append(element("th", rows.labels[i], { scope: "row" }));
    for (const values of cells) {
      const cell = row.insertCell();
      if (!values.length) continue;
      cell.textContent = percent(figure(values));
      cell.title = `${values.length} combination${values.length > 1 ? "s" : ""}`;
      const color = colorOf({ val_accuracy: figure(values) }, colors);
      const [red, green, blue] = color.match(/\d+/g).map((part) => (part / 255) ** 2.2); // linear light
      Object.assign(cell.style, { background: color, color: 0.21 * red + 0.72 * green + 0.07 * blue > 0.18 ? "#000" : "#fff" });
    }
  });
  box.querySelector("table")?.remove();
  box.querySelector(".scroll").append(table);
}

// Two fields for every axis with several values: its levels, or numbers.
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
