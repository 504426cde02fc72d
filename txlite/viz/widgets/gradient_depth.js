// Signal up, gradient down: a stack of feed-forward layers, run forwards and backwards on the page.
// The weights are drawn here, by the generator of gradient_depth.py; everything is float64.

const [D, F, N, DEEPEST, EPS, STEP] = [24, 48, 8, 48, 1e-5, 1e-4];

// ---- the network ----------------------------------------------------------------------------

// The i-th number of “mulberry32”, in [−1, 1).
const uniform = (seed, i) => {
  const a = (seed + Math.imul(i + 1, 0x6d2b79f5)) | 0;
  let t = Math.imul(a ^ (a >>> 15), a | 1);
  t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
};

const draw = (seed) => {
  const part = (start, count, factor) =>
    Float64Array.from({ length: count }, (_, i) => factor * uniform(seed, start + i));
  const bound = Math.sqrt(6 / (D + F));
  const start = 2 * N * D;
  const probe = part(N * D, N * D, 1);
  const length = Math.hypot(...probe);
  return {
    x: part(0, N * D, Math.sqrt(3)),
    probe: probe.map((p) => p / length),
    layers: tx.range(DEEPEST).map((i) => ({
      up: part(start + 2 * i * D * F, D * F, bound),
      down: part(start + (2 * i + 1) * D * F, D * F, bound),
    })),
  };
};

// (N, rows) times (rows, columns).
const product = (a, w, rows, columns) => {
  const out = new Float64Array(N * columns);
  for (let n = 0; n < N; n += 1)
    for (let i = 0; i < rows; i += 1) {
      const v = a[n * rows + i];
      if (v !== 0)
        for (let j = 0; j < columns; j += 1) out[n * columns + j] += v * w[i * columns + j];
    }
  return out;
};

// (N, columns) times the transposed (rows, columns): the way back.
const back = (g, w, rows, columns) => {
  const out = new Float64Array(N * rows);
  for (let n = 0; n < N; n += 1)
    for (let i = 0; i < rows; i += 1) {
      let total = 0;
      for (let j = 0; j < columns; j += 1) total += g[n * columns + j] * w[i * columns + j];
      out[n * rows + i] = total;
    }
  return out;
};

// The gradient of a matrix (rows, columns): what went in times what came back.
const outer = (a, g, rows, columns) => {
  const out = new Float64Array(rows * columns);
  for (let n = 0; n < N; n += 1)
    for (let i = 0; i < rows; i += 1) {
      const v = a[n * rows + i];
      if (v !== 0)
        for (let j = 0; j < columns; j += 1) out[i * columns + j] += v * g[n * columns + j];
    }
  return out;
};

const normalise = (x) => {
  const y = new Float64Array(x.length);
  const deviation = new Float64Array(N);
  for (let n = 0; n < N; n += 1) {
    const row = x.subarray(n * D, (n + 1) * D);
    const mean = tx.sum([...row]) / D;
    deviation[n] = Math.sqrt(tx.sum([...row].map((v) => (v - mean) ** 2)) / D + EPS);
    row.forEach((v, i) => {
      y[n * D + i] = (v - mean) / deviation[n];
    });
  }
  return { y, deviation };
};

// The gradient before a norm: without its mean, without its part along y, over the deviation.
const unnormalise = (g, { y, deviation }) =>
  g.map((v, k) => {
    const n = Math.floor(k / D);
    const [gs, ys] = [g.subarray(n * D, (n + 1) * D), y.subarray(n * D, (n + 1) * D)];
    const mean = tx.sum([...gs]) / D;
    return (v - mean - y[k] * (tx.dot([...gs], [...ys]) / D)) / deviation[n];
  });

const plus = (a, b) => a.map((v, i) => v + b[i]);

const climb = (x, layers, { residual, norm }) => {
  const steps = [];
  let at = x;
  for (const { up, down } of layers) {
    const entry = norm === "pre" ? normalise(at) : { y: at };
    const hidden = product(entry.y, up, D, F).map((h) => Math.max(0, h));
    let out = product(hidden, down, F, D);
    if (residual) out = plus(at, out);
    const exit = norm === "post" ? normalise(out) : { y: out };
    steps.push({ at, entry, hidden, exit });
    at = exit.y;
  }
  const last = norm === "pre" ? normalise(at) : { y: at };
  return { steps, places: [...steps.map((step) => step.at), at], last };
};

const size = (v) => Math.sqrt(tx.sum([...v].map((e) => e * e)) / v.length);

const descend = (probe, layers, { residual, norm }, { steps, last }) => {
  let g = norm === "pre" ? unnormalise(probe, last) : probe;
  const grads = [g];
  const matrices = [];
  for (let l = steps.length - 1; l >= 0; l -= 1) {
    const { entry, hidden, exit } = steps[l];
    const { up, down } = layers[l];
    const out = norm === "post" ? unnormalise(g, exit) : g;
    const inner = back(out, down, F, D).map((v, i) => (hidden[i] > 0 ? v : 0));
    matrices.unshift({ up: outer(entry.y, inner, D, F), down: outer(hidden, out, F, D) });
    const past = back(inner, up, D, F);
    g = norm === "pre" ? unnormalise(past, entry) : past;
    if (residual) g = plus(g, out);
    grads.unshift(g);
  }
  return { grads, matrices };
};

const run = ({ x, probe, layers }, choice) => {
  const by = (w, change) => ({ up: w.up.map(change("up")), down: w.down.map(change("down")) });
  const stack = layers.slice(0, choice.depth).map((w) => by(w, () => (v) => v * choice.scale));
  const up = climb(x, stack, choice);
  const { grads, matrices } = descend(probe, stack, choice, up);
  const moved = stack.map((w, l) =>
    by(w, (name) => (v, i) => v - STEP * Math.sign(matrices[l][name][i])),
  );
  const [before, after] = [up.last.y, climb(x, moved, choice).last.y];
  return {
    places: up.places,
    grads,
    signal: up.places.map(size),
    gradient: grads.map(size),
    weights: matrices.map((m) => Math.hypot(size(m.up), size(m.down)) * Math.sqrt(D * F)),
    step: size(after.map((v, i) => v - before[i])) / size(before),
  };
};

// ---- words ----------------------------------------------------------------------------------

const SUPERSCRIPTS = {
  "-": "⁻",
  0: "⁰",
  1: "¹",
  2: "²",
  3: "³",
  4: "⁴",
  5: "⁵",
  6: "⁶",
  7: "⁷",
  8: "⁸",
  9: "⁹",
};
const power = (k) => `10${[...String(k)].map((c) => SUPERSCRIPTS[c]).join("")}`;
const plain = (v) => {
  if (v === 0) return "0";
  const k = Math.floor(Math.log10(Math.abs(v)));
  return k >= -2 && k < 4
    ? tx.number(v, Math.max(0, 2 - Math.max(0, k)))
    : `${tx.number(v / 10 ** k, 1)} × ${power(k)}`;
};

const share = (v) => (v < 10 ? tx.percent(v, v < 0.1 ? 1 : 0) : `${plain(v)} times`);

const lines = (choice) =>
  [
    "from txlite.viz.widgets.gradient_depth import flow",
    "",
    "found = flow(",
    `    ${choice.depth}, residual=${tx.python(choice.residual)}, norm=${tx.python(choice.norm)}, scale=${choice.scale}, seed=${choice.seed}`,
    ")",
    "signal, gradient, weights, step = found",
  ].join("\n");

const verdict = ({ signal, weights, step }, usual, { depth, residual, norm }) => {
  const grown = signal.at(-1) / signal[0];
  const layers = depth === 1 ? "One layer" : `${depth} layers`;
  const same = residual && norm === "pre";
  const facts =
    `${layers}: the signal ends ${plain(grown)} times as large; the last layer's weights get a gradient of ` +
    `${plain(weights.at(-1))}. A step of Adam moves the output by ${share(step)}${same ? "" : ` (pre-norm: ${share(usual.step)})`}.`;
  if (grown < 1e-3) return `${facts} The signal has vanished on the way.`;
  if (grown > 100) return `${facts} The signal has exploded.`;
  if (step > 1.7 * usual.step) return `${facts} One step moves it far.`;
  return `${facts} Signal and step are moderate.`;
};

// ---- the picture ----------------------------------------------------------------------------

const KINDS = [
  { key: "signal", name: "signal", color: "var(--tx-accent)", dash: "none" },
  { key: "gradient", name: "gradient at the same depth", color: "var(--tx-rust)", dash: "7 4" },
  { key: "weights", name: "gradient of the layer's weights", color: "var(--tx-teal)", dash: "2 4" },
];

const strip = (vectors, unit, x, wide, y, high) =>
  vectors
    .map((v, l) =>
      tx
        .range(D)
        .map((i) => {
          const value = v[i] / unit;
          const opacity = Number.isFinite(value) ? tx.clamp(Math.abs(value) / 2, 0, 1) : 1;
          const color = value < 0 ? "var(--tx-opposite)" : "var(--tx-accent)";
          return `<rect x="${(x(l) - wide / 2).toFixed(2)}" y="${(y + i * high).toFixed(2)}" width="${wide.toFixed(2)}" height="${high}" style="fill:${color};fill-opacity:${opacity.toFixed(3)}"/>`;
        })
        .join(""),
    )
    .join("");

const chart = () => {
  const narrow = matchMedia("(max-width: 560px)").matches;
  const width = narrow ? 340 : 660;
  const high = narrow ? 3 : 4;
  const box = { left: 44, right: width - 12, top: 24 };
  box.curve = box.top + D * high + 14;
  box.low = box.curve + (narrow ? 170 : 190);
  box.bottom = box.low + 14;
  box.end = box.bottom + D * high;
  const root = tx.canvas(
    width,
    box.end + 40,
    "Signal and gradient at every layer; the numbers are in the table below.",
  );
  root.classList.add("gd-chart");
  const layer = tx.svg("g", {});
  root.append(layer);
  const update = (flow, ghost, depth) => {
    const wide = (box.right - box.left) / (depth + 1);
    const x = (l) => box.left + (l + 0.5) * wide;
    const logs = [...KINDS.flatMap(({ key }) => [...flow[key], ...(ghost?.[key] ?? [])])]
      .filter((v) => v > 0 && Number.isFinite(v))
      .map(Math.log10);
    let [low, top] = [Math.floor(Math.min(-2, ...logs)), Math.ceil(Math.max(1, ...logs))];
    const step = Math.ceil((top - low) / 6);
    low = Math.floor(low / step) * step;
    top = Math.ceil(top / step) * step;
    const y = (v) => box.low - ((Math.log10(v) - low) / (top - low)) * (box.low - box.curve);
    const parts = [];
    const text = (content, attributes) =>
      parts.push(tx.svg("text", { class: "tx-axis", ...attributes }, content));
    for (let k = low; k <= top; k += step) {
      parts.push(
        tx.svg("line", {
          class: "tx-grid",
          x1: box.left,
          x2: box.right,
          y1: y(10 ** k),
          y2: y(10 ** k),
        }),
      );
      text(k === 0 ? "1" : power(k), {
        x: box.left - 6,
        y: y(10 ** k),
        "text-anchor": "end",
        "dominant-baseline": "central",
      });
    }
    const every = Math.max(1, Math.ceil((depth + 1) / (narrow ? 7 : 13)));
    for (let l = 0; l <= depth; l += every)
      text(String(l), { x: x(l), y: box.end + 16, "text-anchor": "middle" });
    text("after layer", {
      x: (box.left + box.right) / 2,
      y: box.end + 34,
      "text-anchor": "middle",
    });
    text("the signal →", { x: box.left, y: box.top - 8 });
    text("← the gradient", { x: box.right, y: box.bottom - 5, "text-anchor": "end" });
    const path = (flow_, { key, color, dash }, ghostly) => {
      const points = flow_[key]
        .map((v, l) =>
          v > 0 && Number.isFinite(v) ? [x(key === "weights" ? l + 1 : l), y(v)] : null,
        )
        .filter(Boolean);
      const d = points
        .map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(2)} ${b.toFixed(2)}`)
        .join("");
      parts.push(
        tx.svg("path", {
          d,
          class: ghostly ? "gd-line gd-ghost" : "gd-line",
          style: `stroke: ${color}`,
          "stroke-dasharray": dash,
        }),
      );
      if (!ghostly && points.length === 1)
        parts.push(
          tx.svg("circle", { cx: points[0][0], cy: points[0][1], r: 4, style: `fill: ${color}` }),
        );
    };
    if (ghost) KINDS.forEach((kind) => path(ghost, kind, true));
    KINDS.forEach((kind) => path(flow, kind, false));
    const strips = tx.svg("g", { "shape-rendering": "crispEdges" });
    strips.innerHTML =
      strip(flow.places, 1, x, wide, box.top, high) +
      strip(flow.grads, flow.gradient.at(-1), x, wide, box.bottom, high);
    for (const top_ of [box.top, box.bottom]) {
      parts.push(
        tx.svg("rect", {
          x: box.left,
          y: top_,
          width: box.right - box.left,
          height: D * high,
          class: "gd-frame",
        }),
      );
    }
    layer.replaceChildren(strips, ...parts);
  };
  return { root, update };
};

const legend = () =>
  tx.html(
    "p",
    { class: "gd-legend" },
    KINDS.map(({ name, color, dash }) => {
      const sample = tx.canvas(30, 8);
      sample.append(
        tx.svg("line", {
          x1: 1,
          x2: 29,
          y1: 4,
          y2: 4,
          class: "gd-line",
          style: `stroke: ${color}`,
          "stroke-dasharray": dash,
        }),
      );
      sample.setAttribute("aria-hidden", "true");
      return tx.html("span", {}, sample, name);
    }),
  );

const PRESETS = [
  { label: "Plain stack", residual: false, norm: "none" },
  { label: "Residual only", residual: true, norm: "none" },
  { label: "Post-norm, 2017", residual: true, norm: "post" },
  { label: "Pre-norm", residual: true, norm: "pre" },
];

function render({ model, el }) {
  let [drawn, network, ghost, last] = [null, null, null, null];
  const choices = () =>
    Object.fromEntries(
      ["depth", "residual", "norm", "scale", "seed"].map((name) => [name, model.get(name)]),
    );
  const frame = tx.frame(el, model, {
    code: () => lines(choices()),
    again: () => {
      last = ghost = null;
    },
    play: {
      at: () => model.get("depth"),
      go: (depth) => tx.push(model, { depth }),
      first: () => 1,
      last: () => DEEPEST,
      pace: 400,
      name: "one layer more and more",
    },
    help:
      "Every column is a layer, every cell one of 24 numbers: blue above zero, orange below. " +
      "Above, the signal on its way up; below, the loss's gradient on its way back. " +
      "Adam's step is a ten-thousandth for every weight. Pale lines are what you had before.",
  });
  const presets = PRESETS.map(({ label, residual, norm }) => ({
    ...tx.button({ label, onclick: () => tx.push(model, { residual, norm }) }),
    residual,
    norm,
  }));
  const depth = tx.slider({
    label: "Layers",
    min: 1,
    max: DEEPEST,
    step: 1,
    value: model.get("depth"),
    format: String,
    oninput: (v) => tx.push(model, { depth: v }),
  });
  const scale = tx.slider({
    label: "Size of the weights",
    min: -2,
    max: 2,
    step: 0.125,
    value: Math.log2(model.get("scale")),
    format: (v) => `× ${tx.number(2 ** v, 2)}`,
    oninput: (v) => tx.push(model, { scale: 2 ** v }),
  });
  const residual = tx.checkbox({
    label: "residual",
    value: model.get("residual"),
    oninput: (v) => tx.push(model, { residual: v }),
  });
  const norm = tx.select({
    label: "norm",
    value: model.get("norm"),
    oninput: (v) => tx.push(model, { norm: v }),
    options: [
      { value: "none", label: "none" },
      { value: "pre", label: "before each layer" },
      { value: "post", label: "after each sum" },
    ],
  });
  const other = tx.button({
    label: "Other weights",
    onclick: () => tx.push(model, { seed: model.get("seed") + 1 }),
  });
  const ready = tx.html(
    "div",
    { class: "gd-presets", role: "group", "aria-label": "Ready-made" },
    presets.map((p) => p.root),
    other.root,
  );
  tx.rove(ready);
  frame.controls.append(ready, scale.root, residual.root, norm.root);
  frame.lead.prepend(depth.root);
  const picture = chart();
  const twin = tx.twin();
  frame.stage.append(tx.html("div", { class: "gd-picture" }, picture.root, legend()));
  frame.foot.append(twin.root);

  const paint = () => {
    const choice = choices();
    if (drawn !== choice.seed) [drawn, network] = [choice.seed, draw(choice.seed)];
    const flow = run(network, choice);
    const usual = run(network, { ...choice, residual: true, norm: "pre" });
    const rewired =
      last && (last.choice.residual !== choice.residual || last.choice.norm !== choice.norm);
    if (rewired) ghost = last.choice.depth === choice.depth ? last.flow : null;
    else if (last && last.choice.depth !== choice.depth) ghost = null;
    last = { choice, flow };
    depth.value = choice.depth;
    scale.value = Math.log2(choice.scale);
    residual.value = choice.residual;
    norm.value = choice.norm;
    presets.forEach((p) =>
      p.input.setAttribute(
        "aria-pressed",
        p.residual === choice.residual && p.norm === choice.norm,
      ),
    );
    picture.update(flow, ghost, choice.depth);
    for (const { key } of KINDS) frame.root.dataset[key] = JSON.stringify(flow[key]);
    frame.root.dataset.step = flow.step;
    frame.status(verdict(flow, usual, choice));
    twin.update({
      caption:
        "Root mean square of signal and gradient after each layer, and the length of its weights' gradient",
      columns: ["layer", ...KINDS.map((kind) => kind.name)],
      rows: flow.signal.map((s, l) => [
        String(l),
        plain(s),
        plain(flow.gradient[l]),
        l ? plain(flow.weights[l - 1]) : "–",
      ]),
    });
  };
  return frame.watch(paint);
}

export default { render };
