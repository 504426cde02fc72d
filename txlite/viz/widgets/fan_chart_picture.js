// The fan chart's pictures: the fan behind the newest values, the window with its patches, and the whole
// series with the origin's handle.

const COLORS = ["var(--tx-opposite)", "var(--tx-teal)", "var(--tx-violet)"]; // of the others

// A round step of which at most `most` fit between the ends, and the ends at multiples of it.
const roundTicks = (low, high, most = 6) => {
  const rough = Math.max(high - low, 1e-12) / most;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = ten * [1, 2, 5, 10].find((n) => n * ten >= rough);
  const [first, last] = [Math.floor(low / step), Math.ceil(high / step)];
  const ticks = tx.range(last - first + 1).map((n) => Number(((first + n) * step).toPrecision(6)));
  return { ticks, limits: [ticks[0], ticks.at(-1)] };
};

// update({ past, quantiles, others, came }): the future of each from step 0 on; came may be null.
const fanPicture = ({ width, length, horizon, limits, ticks, unit, step, levels }) => {
  const plane = tx.plane({
    width,
    height: width < 420 ? 270 : 320,
    xlim: [-length, horizon],
    ylim: limits,
    xticks: [-length, -Math.round(length / 2), 0, horizon],
    yticks: ticks,
    xlabel: `${step} from the origin`,
    label:
      "The newest values, the fan of quantiles, and other forecasts; the numbers are in the table below.",
  });
  plane.root.append(
    tx.svg("text", { class: "tx-axis", x: plane.box.left + 6, y: plane.box.top + 15 }, unit),
  );
  const path = (name, more = {}) =>
    plane.root.appendChild(tx.svg("path", { class: name, ...more }));
  const bands = tx
    .range(Math.floor(levels.length / 2))
    .map((n) => path("fc-band", { style: `fill-opacity: ${(0.16 + 0.14 * n).toFixed(2)}` }));
  plane.root.append(
    tx.svg("line", {
      class: "fc-now",
      x1: plane.x(0),
      x2: plane.x(0),
      y1: plane.y(limits[0]),
      y2: plane.y(limits[1]),
    }),
  );
  const lines = COLORS.map((color) => path("fc-other", { style: `stroke: ${color}` }));
  const [past, median, came] = ["fc-past", "fc-median", "fc-came"].map((name) => path(name));
  const inside = (v) => tx.clamp(v, ...limits);
  const drawn = (values, from) => plane.line(values.map((v, i) => [from + i, inside(v)]));
  const update = (it) => {
    const newest = it.past.at(-1);
    const seen = it.past.slice(-length);
    past.setAttribute("d", drawn(seen, -seen.length + 1));
    const ahead = (values) => drawn([newest, ...values], 0);
    median.setAttribute("d", ahead(it.quantiles[it.middle]));
    bands.forEach((band, n) => {
      const high = [newest, ...it.quantiles.at(-1 - n)].map((v, i) => [i, inside(v)]);
      const low = [newest, ...it.quantiles[n]].map((v, i) => [i, inside(v)]);
      band.setAttribute("d", `${plane.line([...high, ...low.reverse()])}Z`);
    });
    lines.forEach((line, k) => line.setAttribute("d", it.others[k] ? ahead(it.others[k]) : ""));
    came.setAttribute("d", it.came ? ahead(it.came) : "");
  };
  return { root: plane.root, update };
};

// The window that the model reads, and over it how much was read from each patch; where patches overlap
// each shows its middle.
const windowPicture = ({ width, length, limits, starts, size, stride }) => {
  const plane = tx.plane({
    width,
    height: 124,
    xlim: [-length, 0],
    ylim: limits,
    xticks: [-length, 0],
    label: "The window that the model reads; the more was read from a patch, the darker it is.",
  });
  plane.root.classList.add("fc-low");
  const [top, tall] = [plane.box.top, plane.box.bottom - plane.box.top];
  const marks = starts.map((at) => {
    const middle = at + size / 2; // of a patch that repeats the last value it may lie behind that
    const edges = [
      Math.min(middle - stride / 2, length - 1),
      Math.min(middle + stride / 2, length),
    ];
    const [left, right] = edges.map((v) => plane.x(v - length));
    const own = { x: left, width: Math.max(1, right - left - 0.6), y: top, height: tall };
    return plane.root.appendChild(tx.svg("rect", { class: "fc-patch", ...own }));
  });
  const read = plane.root.appendChild(tx.svg("path", { class: "fc-read" }));
  const update = (past, weights) => {
    const most = Math.max(...weights) || 1;
    weights.forEach((weight, n) => {
      marks[n].style.fillOpacity = ((0.6 * weight) / most).toFixed(3);
    });
    const points = past.map((v, i) => [i + 0.5 - length, tx.clamp(v, ...limits)]);
    read.setAttribute("d", plane.line(points));
  };
  return { root: plane.root, update };
};

// The whole stretch, with a handle on the origin.
const overview = ({ width, series, origins, horizon, onmove, says }) => {
  const first = Math.max(0, origins[0] - horizon);
  const last = Math.min(series.length - 1, origins.at(-1) + horizon);
  const shown = tx.range(last - first + 1).map((i) => series[first + i]);
  const limits = [Math.min(...shown), Math.max(...shown)];
  const plane = tx.plane({ width, height: 116, xlim: [first, last], ylim: limits });
  const every = Math.max(1, Math.floor(shown.length / 1200));
  const points = shown.map((v, i) => [first + i, v]).filter((_, i) => i % every === 0);
  plane.root.classList.add("fc-low");
  plane.root.append(tx.svg("path", { class: "fc-whole", d: plane.line(points) }));
  const line = tx.svg("line", { class: "fc-now", y1: plane.box.top, y2: plane.box.bottom });
  plane.root.append(line);
  const nearest = (x) =>
    origins.reduce((a, b) => (Math.abs(b - x) < Math.abs(a - x) ? b : a), origins[0]);
  const gap = origins.length > 1 ? (origins.at(-1) - origins[0]) / (origins.length - 1) : 1;
  const handle = tx.handle(plane, {
    label: "Origin of the forecast",
    x: origins[0],
    y: limits[0],
    step: gap,
    range: [origins[0], origins.at(-1)],
    along: () => limits[0],
    snap: nearest,
    says,
    onmove: (x) => onmove(origins.indexOf(nearest(x))),
  });
  plane.root.append(handle.root);
  const place = (at) => {
    handle.move(at, limits[0]);
    tx.fill(line, { x1: plane.x(at), x2: plane.x(at) }, []);
  };
  return { root: plane.root, place };
};
