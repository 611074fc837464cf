"use strict";
// What is chosen. A range is [lowest, highest] in places on its axis.
const DATA = JSON.parse(document.getElementById("data").textContent);
const ALL = DATA.combinations;
const CONVERGED = ALL.filter((c) => !c.diverged);
const MOST_LEVELS = 24; // with more values, or drawn from a range, an axis has a true scale

function axisOf({ name, label, scale, range }, figure) {
  const values = [...new Set(CONVERGED.map((c) => c[name]))].sort(order);
  const few = (!range || values.length < 2) && values.length <= MOST_LEVELS;
  const axis = { name, label, values, range, levels: !figure && (scale === "category" || few) };
  if (axis.levels) {
    axis.place = (value) => values.indexOf(value);
    axis.text = (place) => number(values[Math.round(place)]);
  } else if (scale === "log" && values[values.length - 1] > 0) {
    const positive = values.find((value) => value > 0);
    const zero = Math.log10(positive) - 1; // where 0 stands, a decade below the smallest
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
const AXES = CONVERGED.length
  ? [
      ...HYPER,
      axisOf({ name: "val_cross_entropy", label: "validation\ncross-entropy", scale: "linear" }, true),
      axisOf({ name: "val_accuracy", label: "validation\naccuracy", scale: "linear" }, true),
    ]
  : [];

const MOST_PICKS = 4; // that can be told apart, side by side
const state = { ranges: {}, best: ALL.length, picks: [], pointed: null, figure: "val_loss" };

function change(what) {
  Object.assign(state, what);
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

// Those that are neither filtered away nor diverged, best first.
function active() {
  return CONVERGED.filter((c) => c.rank <= state.best && within(c));
}

// Those whose curves and figures stand side by side: picked, pointed at, or the winner.
function compared() {
  const found = [...new Set([...state.picks, ...(state.pointed ? [state.pointed] : [])])];
  return found.length ? found : [CONVERGED[0] ?? ALL[0]];
}

function pick(c) {
  const picks = state.picks.includes(c) ? state.picks.filter((one) => one !== c) : [...state.picks, c].slice(-MOST_PICKS);
  change({ picks, pointed: null });
}

// By how much the first is more accurate than the second on the same validation rows, and the standard error if known.
function difference(one, other) {
  const [low, high] = [one.rank, other.rank].sort((a, b) => a - b);
  const error = low === high ? 0 : (DATA.errors[high - 2]?.[low - 1] ?? (low === 1 && DATA.selected.by === "val_accuracy" ? ALL[high - 1].behind_se : null));
  return [one.val_accuracy - other.val_accuracy, error];
}

// Of numbers, or of categories.
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
