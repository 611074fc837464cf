"use strict";
// Events: drawing, brushing, picking, printing, resizing, the colour scheme.
const charts = Object.fromEntries(
  ["parallel", "curve", "scatter", "time"].map((id) => [id, echarts.init(document.getElementById(id), null, { renderer: "canvas" })]),
);
const PRINTED = 700; // pixels: the width of a page
let printing = false;
let updating = false; // the parallel chart is being updated, so its events are not the user's
let dragging = false; // the user is drawing a brush, which must not be redrawn

function draw(chosen) {
  drawTable(chosen);
  showRanges();
  drawDetail();
  const lost = ALL.length - CONVERGED.length;
  document.getElementById("count").textContent =
    `${chosen.length} of ${ALL.length} combinations chosen` + (lost ? `; ${lost} diverged and are in no chart` : "");
  for (const button of document.querySelectorAll("[data-best]")) button.setAttribute("aria-pressed", String(Number(button.dataset.best) === state.best));
  const colors = palette(printing);
  const width = printing ? PRINTED : charts.parallel.getDom().clientWidth;
  const picked = compared().map((c) => c.rank).join();
  if (redrawn.best !== state.best || redrawn.picked !== picked || redrawn.colors !== colors.ink || redrawn.width !== width) {
    Object.assign(redrawn, { best: state.best, picked, colors: colors.ink, width });
    charts.parallel.setOption(parallelOption(colors, width < 640), { notMerge: true });
    redrawn.ranges = {};
  }
  if (!dragging) showBrushes();
  charts.curve.setOption(curveOption(chosen, colors), { notMerge: true });
  charts.scatter.setOption(scatterOption(chosen, colors, width), { notMerge: true });
  charts.time.setOption(timeOption(chosen, colors), { notMerge: true });
  drawHeat(chosen, colors);
}
const redrawn = { ranges: {} };

// Show the chosen ranges as brushes on the axes.
function showBrushes() {
  updating = true;
  for (const axis of AXES) {
    const range = state.ranges[axis.name];
    const text = JSON.stringify(range ?? null);
    if ((redrawn.ranges[axis.name] ?? "null") === text) continue;
    redrawn.ranges[axis.name] = text;
    const slack = axis.levels ? 0.3 : 0;
    charts.parallel.dispatchAction({ type: "axisAreaSelect", parallelAxisId: axis.name, intervals: range ? [[range[0] - slack, range[1] + slack]] : [] });
  }
  updating = false;
  charts.parallel.setOption({}); // the action itself does not redraw the brush
}

function brushed(event) {
  if (updating) return;
  const axis = AXES.find(({ name }) => name === event.parallelAxisId) ?? AXES[event.parallelAxisIndex ?? 0];
  const ranges = { ...state.ranges };
  const [interval] = event.intervals;
  if (!interval) delete ranges[axis.name];
  else if (axis.levels) {
    const [low, high] = [Math.ceil(interval[0] - BAND), Math.floor(interval[1] + BAND)];
    ranges[axis.name] = low <= high ? [Math.max(low, 0), Math.min(high, axis.values.length - 1)] : interval;
  } else ranges[axis.name] = [...interval];
  if (axis.levels) delete redrawn.ranges[axis.name]; // the chart shows the drawn interval, not whole levels
  else redrawn.ranges[axis.name] = JSON.stringify(ranges[axis.name] ?? null);
  change({ ranges });
}

function combinationAt(event) {
  return event.name ? ALL[Number(event.name) - 1] : null;
}

// Pointing redraws the curves and the details, not the table.
function point(combination) {
  if (combination === state.pointed) return;
  state.pointed = combination;
  drawDetail();
  charts.curve.setOption(curveOption(active(), palette(printing)), { notMerge: true });
}

charts.parallel.on("axisareaselected", brushed);
for (const chart of [charts.parallel, charts.curve, charts.scatter]) {
  chart.on("click", (event) => {
    const picked = combinationAt(event);
    if (picked) pick(picked);
  });
  if (chart === charts.curve) continue; // it is redrawn by pointing
  chart.on("mouseover", (event) => point(combinationAt(event)));
  chart.on("mouseout", () => point(null));
}
document.getElementById("table").addEventListener("click", pickFromTable);
document.getElementById("more").addEventListener("click", () => {
  everyRow = true;
  change({});
});
document.getElementById("reset").addEventListener("click", () => change({ ranges: {}, best: ALL.length, picks: [] }));
document.getElementById("download").addEventListener("click", download);
charts.parallel.getDom().addEventListener("pointerdown", () => (dragging = true), true);
for (const end of ["pointerup", "pointercancel"])
  addEventListener(end, () => {
    if (!dragging) return;
    setTimeout(() => { // after the chart has handled the end of the brush
      dragging = false;
      change({});
    });
  });
document.getElementById("best").addEventListener("input", (event) => {
  const wanted = Math.round(Number(event.target.value));
  if (wanted >= 1) change({ best: Math.min(wanted, ALL.length) });
});
for (const button of document.querySelectorAll("[data-best]"))
  button.addEventListener("click", () => change({ best: Math.min(Number(button.dataset.best), ALL.length) }));
for (const field of document.querySelectorAll("#heat select")) field.addEventListener("change", () => change({}));
for (const radio of document.querySelectorAll("[name=figure]")) radio.addEventListener("change", () => change({ figure: radio.value }));
for (const form of document.forms) form.addEventListener("submit", (event) => event.preventDefault());

function resized() {
  for (const chart of Object.values(charts)) chart.resize({ width: printing ? PRINTED : "auto" });
  change({});
}
let waiting;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(resized, 100);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => change({}));
for (const [name, value] of [["beforeprint", true], ["afterprint", false]])
  addEventListener(name, () => {
    printing = value;
    resized();
    for (const canvas of document.querySelectorAll(".printed")) canvas.remove();
    for (const chart of Object.values(charts)) {
      const [dom, canvas] = [chart.getDom(), printing ? chart.renderToCanvas({ pixelRatio: 2 }) : null];
      if (canvas) dom.after(Object.assign(canvas, { className: "printed", style: "" })); // drawn at once, at high resolution
      dom.hidden = printing;
    }
  });

drawRanges();
offerAxes();
change({});
document.documentElement.dataset.drawn = "true"; // the page is complete (for tests)
