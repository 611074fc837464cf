"use strict";
// The options of ECharts for the chosen combinations.
const BAND = 0.13; // lines through the same level fan out by so much, to remain distinguishable
const VIRIDIS = [[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]];

function palette(printing) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  const dark = !printing && matchMedia("(prefers-color-scheme: dark)").matches;
  // The ends of the palette without contrast to the background are left out.
  return printing
    ? { ground: "#ffffff", ink: "#000000", soft: "#444444", line: "#bbbbbb", accent: "#0b5cad", shades: [0, 0.85] }
    : { ground: color("ground"), ink: color("ink"), soft: color("soft"), line: color("line"), accent: color("accent"), shades: dark ? [0.3, 1] : [0, 0.85] };
}

function shade(fraction, [from, to]) {
  const at = (from + (to - from) * Math.min(1, Math.max(0, fraction))) * (VIRIDIS.length - 1);
  const below = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const mixed = VIRIDIS[below].map((part, i) => Math.round(part + (VIRIDIS[below + 1][i] - part) * (at - below)));
  return `rgb(${mixed.join(",")})`;
}

// Colours start at the first decile of accuracy: a few bad combinations must not make all others look alike.
const ACCURACIES = CONVERGED.map((c) => c.val_accuracy).sort((a, b) => a - b);
const LEAST = ACCURACIES[Math.floor(ACCURACIES.length / 10)];
const GREATEST = ACCURACIES[ACCURACIES.length - 1];

function colorOf(c, colors) {
  return shade(GREATEST > LEAST ? (c.val_accuracy - LEAST) / (GREATEST - LEAST) : 1, colors.shades);
}

function fanned(axis, c) {
  const place = axis.place(c[axis.name]);
  if (!axis.levels || CONVERGED.length < 2) return place;
  return place + BAND * (1 - (2 * (c.rank - 1)) / (ALL.length - 1));
}

function common(colors) {
  return {
    animation: false,
    textStyle: { color: colors.ink, fontFamily: "system-ui, sans-serif" },
    tooltip: { show: false, renderMode: "richText", confine: true },
  };
}

function labels(colors) {
  return { color: colors.ink, fontSize: 12, hideOverlap: true, textBorderColor: colors.ground, textBorderWidth: 3 };
}

// Compared combinations differ in their dashes, because colours mean accuracy.
function dash(c) {
  return [undefined, "solid", [10, 5], [3, 3], [12, 4, 3, 4], [1, 4]][1 + compared().indexOf(c)];
}

function parallelOption(colors, narrow) {
  const best = CONVERGED.filter((c) => c.rank <= state.best);
  const picked = compared();
  const line = (c) => ({
    value: AXES.map((axis) => fanned(axis, c)),
    name: String(c.rank),
    lineStyle: { color: colorOf(c, colors), width: picked.includes(c) ? 4 : 1.5, opacity: 0.9, type: dash(c) },
  });
  // The best on top, and picked combinations above all.
  const ordered = [...best].sort((a, b) => picked.includes(a) - picked.includes(b) || b.rank - a.rank);
  return {
    ...common(colors),
    parallel: {
      layout: narrow ? "vertical" : "horizontal", top: narrow ? 30 : 56, bottom: narrow ? 30 : 26,
      left: narrow ? 104 : 56, right: narrow ? 24 : 72,
      parallelAxisDefault: {
        type: "value", nameLocation: narrow ? "start" : "end", nameGap: narrow ? 10 : 16, realtime: ALL.length < 500,
        nameTextStyle: { color: colors.ink, fontSize: 12, lineHeight: 15, width: narrow ? 92 : undefined, overflow: "break" },
        axisLine: { lineStyle: { color: colors.soft } }, axisTick: { lineStyle: { color: colors.soft } },
        areaSelectStyle: { width: 22, color: colors.accent, borderColor: colors.accent, opacity: 0.25 },
      },
    },
    parallelAxis: AXES.map((axis, dim) => ({ dim, id: axis.name, name: axis.label, ...scaleOf(axis, colors) })),
    series: [{ type: "parallel", data: ordered.map(line), inactiveOpacity: 0.04, activeOpacity: 0.9, smooth: false,
      emphasis: { lineStyle: { width: 4, opacity: 1 } }, progressive: 0 }],
  };
}

// An axis with levels has a position for each value; others are linear or logarithmic.
function scaleOf(axis, colors) {
  const label = labels(colors);
  if (axis.levels) {
    const formatter = (place) => (Number.isInteger(place) ? number(axis.values[place]) : "");
    return { min: -0.4, max: axis.values.length - 0.6, axisLabel: { ...label, formatter, customValues: axis.values.map((_, place) => place) },
      axisTick: { show: false }, splitLine: { show: false } };
  }
  const margin = 0.03 * (axis.high - axis.low) || Math.abs(axis.low) * 0.01 || 1;
  const [min, max] = [axis.low - margin, axis.high + margin];
  return { min, max, splitNumber: 5, axisLabel: { ...label, formatter: (place) => (place === min || place === max ? "" : axis.text(place)) } };
}

function curveOption(chosen, colors) {
  const figure = state.figure;
  const losses = figure === "val_loss";
  const curves = chosen.map((c) => [c, DATA.curves[c.rank - 1]]);
  const picked = compared().map((c) => [c, DATA.curves[c.rank - 1]]);
  const known = (pairs, name) => pairs.flatMap(([, curve]) => curve[name]).filter((value) => value !== null).sort((a, b) => a - b);
  // A diverging curve must not flatten all others; nine tenths of each compared curve remain visible.
  const [values, own] = [known(curves, figure), known(picked, figure)];
  const at = (sorted, fraction) => sorted.slice(Math.floor(fraction * (sorted.length - 1))).slice(0, 1);
  const visible = losses ? [...values.slice(0, 1), ...own.slice(0, 1), ...known(picked, "train_loss").slice(0, 1), ...at(values, 0.97), ...at(own, 0.9)]
    : [...at(values, 0.03), ...at(own, 0.1), ...values.slice(-1), ...own.slice(-1)];
  const [low, high] = visible.length ? [Math.min(...visible), Math.max(...visible)] : [0, 1];
  const margin = 0.05 * (high - low) || 0.01;
  const last = Math.max(2, ...[...curves, ...picked].map(([, { epoch }]) => epoch[epoch.length - 1] ?? 1));
  const points = (curve, name) => curve.epoch.map((epoch, i) => [epoch, curve[name][i]]).filter(([, value]) => value !== null);
  const text = losses ? (value) => number(Number(value.toPrecision(4))) : percent;
  const line = (name, data, color, style, more) => ({ type: "line", name, data, symbolSize: 5, showSymbol: data.length < 2, silent: true, z: 5, clip: true,
    lineStyle: { color, ...style }, itemStyle: { color }, ...more });
  const thick = picked.flatMap(([c, curve]) => {
    const color = c.diverged ? colors.ink : colorOf(c, colors);
    const best = points(curve, figure).filter(([epoch]) => epoch === curve.best_epoch);
    const mark = { symbol: "diamond", symbolSize: 13, itemStyle: { color, borderColor: colors.ink, borderWidth: 1.5 }, label: { show: false }, silent: true,
      data: best.map((coord) => ({ coord })) };
    return [line(`rank ${c.rank}`, points(curve, figure), color, { width: 3, type: dash(c) }, { markPoint: mark }),
      ...(losses ? [line(`rank ${c.rank}, training`, points(curve, "train_loss"), colors.soft, { width: 1.5, type: dash(c) })] : [])];
  });
  return {
    ...common(colors),
    tooltip: { ...common(colors).tooltip, show: true, trigger: "axis", axisPointer: { type: "line" },
      formatter: (items) => [`epoch ${items[0].value[0]}`, ...items.map((item) => `${item.seriesName}: ${text(item.value[1])}`)].join("\n") },
    legend: { data: thick.map(({ name }) => name), bottom: 0, type: "scroll", itemWidth: 40, textStyle: { color: colors.ink } },
    grid: { left: 64, right: 16, top: 16, bottom: 72 },
    xAxis: { type: "log", min: 1, max: last, name: "epoch", nameLocation: "middle", nameGap: 28, nameTextStyle: { color: colors.ink },
      axisLabel: labels(colors), axisLine: { lineStyle: { color: colors.soft } }, splitLine: { show: false } },
    yAxis: { type: "value", min: low - margin, max: high + margin, axisLine: { show: true, lineStyle: { color: colors.soft } },
      axisLabel: { ...labels(colors), formatter: text, showMinLabel: false, showMaxLabel: false }, splitLine: { lineStyle: { color: colors.line } } },
    series: [
      { type: "lines", coordinateSystem: "cartesian2d", polyline: true, clip: true, progressive: 0, silent: chosen.length > 500,
        data: curves.filter(([, curve]) => points(curve, figure).length > 1).map(([c, curve]) => ({
          name: String(c.rank), coords: points(curve, figure), lineStyle: { color: colorOf(c, colors), width: 1.2, opacity: chosen.length > 200 ? 0.35 : 0.75, curveness: 0 } })) },
      ...thick,
    ],
  };
}

function scatterOption(chosen, colors, width) {
  const shownAxes = HYPER.filter((axis) => axis.values.length > 1);
  const columns = width < 640 ? 1 : shownAxes.length;
  const rows = Math.ceil(shownAxes.length / columns);
  const accuracy = AXES[AXES.length - 1];
  const place = (i) => [(i % columns) / columns, Math.floor(i / columns) / rows];
  // Numbers drawn from a range hardly repeat, so they have no mean.
  const mean = (axis) => (axis.range ? [] : axis.values)
    .map((value) => [axis.place(value), chosen.filter((c) => c[axis.name] === value).map((c) => c.val_accuracy)])
    .filter(([, values]) => values.length).map(([x, values]) => [x, values.reduce((a, b) => a + b, 0) / values.length]);
  return {
    ...common(colors),
    legend: { data: ["a combination", ...(shownAxes.every((axis) => axis.range) ? [] : ["mean"])], bottom: 0, textStyle: { color: colors.ink } },
    grid: shownAxes.map((_, i) => ({ left: `${100 * place(i)[0] + (columns > 1 ? 5 : 14)}%`, width: `${100 / columns - (columns > 1 ? 7 : 20)}%`,
      top: `${92 * place(i)[1] + 3}%`, height: `${92 / rows - 20}%` })),
    xAxis: shownAxes.map((axis, i) => ({ type: "value", gridIndex: i, name: axis.label, nameLocation: "middle", nameGap: 26,
      nameTextStyle: { color: colors.ink }, axisLine: { onZero: false, lineStyle: { color: colors.soft } }, splitLine: { show: false }, ...scaleOf(axis, colors) })),
    yAxis: shownAxes.map((_, i) => ({ type: "value", gridIndex: i, axisLine: { onZero: false }, splitLine: { lineStyle: { color: colors.line } }, ...scaleOf(accuracy, colors) })),
    series: shownAxes.flatMap((axis, i) => [
      { type: "scatter", name: "a combination", xAxisIndex: i, yAxisIndex: i, symbolSize: 8, itemStyle: { color: colors.accent, opacity: 0.6 },
        data: chosen.map((c) => ({ name: String(c.rank), value: [fanned(axis, c), c.val_accuracy] })) },
      { type: "line", name: "mean", xAxisIndex: i, yAxisIndex: i, silent: true, data: mean(axis), symbol: "diamond", symbolSize: 9,
        lineStyle: { color: colors.soft, width: 1.5 }, itemStyle: { color: colors.soft } },
    ]),
  };
}

function timeOption(chosen, colors) {
  const ordered = [...chosen].sort((a, b) => b.epochs_trained - a.epochs_trained || a.rank - b.rank);
  const value = (name) => ({ type: "value", name, nameTextStyle: { color: colors.ink }, axisLabel: labels(colors), splitLine: { lineStyle: { color: colors.line } } });
  return {
    ...common(colors),
    tooltip: { ...common(colors).tooltip, show: true, trigger: "axis",
      formatter: ([item]) => { const c = ordered[item.dataIndex]; return `rank ${c.rank}: ${words(c)}\n${c.epochs_trained} epochs, ${c.seconds} s`; } },
    legend: { data: ["epochs", "seconds"], bottom: 0, textStyle: { color: colors.ink } },
    grid: { left: 64, right: 56, top: 36, bottom: 72 },
    xAxis: { type: "category", data: ordered.map((c) => c.rank), name: "rank", nameLocation: "middle", nameGap: 28, nameTextStyle: { color: colors.ink },
      axisLabel: labels(colors), axisLine: { lineStyle: { color: colors.soft } } },
    yAxis: [value("epochs"), { ...value("seconds"), splitLine: { show: false } }],
    series: [
      { type: "bar", name: "epochs", data: ordered.map((c) => c.epochs_trained), itemStyle: { color: colors.accent }, large: true },
      { type: "line", name: "seconds", yAxisIndex: 1, data: ordered.map((c) => c.seconds), showSymbol: ordered.length < 60, lineStyle: { color: colors.soft }, itemStyle: { color: colors.soft } },
    ],
  };
}
