"use strict";
// The state of the page. A range is [lowest, highest] in positions on its axis.
const DATA = JSON.parse(document.getElementById("data").textContent);
const ALL = DATA.combinations;
const CONVERGED = ALL.filter((c) => !c.diverged);
const MOST_LEVELS = 24; // an axis with more values, or with a range, is to scale

function axisOf({ name, label, scale, range }, figure) {
  const values = [...new Set(CONVERGED.map((c) => c[name]))].sort(order);
  const few = (!range || values.length < 2) && values.length <= MOST_LEVELS;
  const axis = { name, label, values, range, levels: !figure && (scale === "category" || few) };
  if (axis.levels) {
    axis.place = (value) => values.indexOf(value);
    axis.text = (place) => number(values[Math.round(place)]);
  } else if (scale === "log" && values[values.length - 1] > 0) {
    const positive = values.find((value) => value > 0);
    const zero = Math.log10(positive) - 1; // the position of 0: a decade below the smallest value
    axis.log = true;
    axis.place = (value) => (value > 0 ? Math.log10(value) : zero);
    axis.text = (place) => (values[0] === 0 && place <= zero + 1e-9 ? "0" : number(Number((10 ** place).toPrecision(2))));
  } else {
    axis.place = (value) => value;
    axis.text = (place) => (name === "val_accuracy" ? percent(place) : number(Number(place.toPrecision(5))));
  }
  const places = values.map(axis.place);
  axis.low = Math.min(...places);
  axis.high = Math.max(...places);
  return axis;
}

const HYPER = DATA.axes.map((axis) => axisOf(axis, false));
const AXES = [
  ...HYPER,
  axisOf({ name: "val_cross_entropy", label: "validation\ncross-entropy", scale: "linear" }, true),
  axisOf({ name: "val_accuracy", label: "validation\naccuracy", scale: "linear" }, true),
];

const MOST_PICKS = 4; // combinations side by side
const state = { ranges: {}, best: ALL.length, picks: [], pointed: null, figure: "val_loss" };

function change(update) {
  Object.assign(state, update);
  draw(active());
}

function within(combination) {
  return AXES.every((axis) => {
    const range = state.ranges[axis.name];
    if (!range) return true;
    const place = axis.place(combination[axis.name]);
    const slack = 1e-9 * (axis.high - axis.low + 1);
    return place >= range[0] - slack && place <= range[1] + slack;
  });
}

// The converged combinations that pass the filters, best first.
function active() {
  return CONVERGED.filter((c) => c.rank <= state.best && within(c));
}

// The combinations side by side: picked, pointed at, or the winner.
function compared() {
  const shown = [...new Set([...state.picks, ...(state.pointed ? [state.pointed] : [])])];
  return shown.length ? shown : [ALL[0]];
}

function pick(c) {
  const picks = state.picks.includes(c) ? state.picks.filter((one) => one !== c) : [...state.picks, c].slice(-MOST_PICKS);
  change({ picks, pointed: null });
}

// The difference of two accuracies on the same validation rows, and its standard error if known.
function difference(one, other) {
  const [low, high] = [one.rank, other.rank].sort((a, b) => a - b);
  const error = low === high ? 0 : (DATA.errors[high - 2]?.[low - 1] ?? (low === 1 && DATA.selected.by === "val_accuracy" ? ALL[high - 1].behind_best_se : null));
  return [one.val_accuracy - other.val_accuracy, error];
}

// The order of numbers or categories.
function order(a, b) {
  return a < b ? -1 : Number(a > b);
}

function number(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  const size = Math.abs(value);
  return size && (size < 1e-3 || size >= 1e6) ? value.toExponential().replace("e+", "e") : String(value);
}

function percent(value) {
  return value === null ? "" : (100 * value).toFixed(2) + " %";
}

function words(combination) {
  return HYPER.map((axis) => `${axis.label} ${number(combination[axis.name])}`).join(", ");
}
