// The cost lab's picture: two bars of parts, three rulers with logarithmic marks, and a plane of
// parameters and tokens. And how large numbers are said.

const STEPS = [
  [1e12, "T"],
  [1e9, "B"],
  [1e6, "M"],
  [1e3, "k"],
];

// Three figures: 117 M, 1.56 B, 1.57 T.
const brief = (x) => {
  if (x === 0) return "0";
  if (!Number.isFinite(x)) return tx.number(x);
  const digits = (v) => (v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2);
  const [size, name] = STEPS.find(([least]) => x >= 0.9995 * least) ?? [1, ""];
  const text = (x / size).toFixed(x < 1000 && Number.isInteger(x) ? 0 : digits(x / size));
  return name ? `${text} ${name}` : text;
};
const BYTES = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB"];
const bytes = (x) => {
  const n = x > 0 ? tx.clamp(Math.floor(Math.log10(x * 1.0005) / 3), 0, BYTES.length - 1) : 0;
  const value = x / 1000 ** n;
  return `${value.toFixed(n === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)} ${BYTES[n]}`;
};
const TIMES = [
  [365.25 * 1000, "millennia"],
  [365.25, "years"],
  [1, "days"],
  [1 / 24, "hours"],
  [1 / 1440, "minutes"],
  [1 / 86400, "seconds"],
];
const duration = (days) => {
  const [size, name] = TIMES.find(([least]) => days >= least) ?? TIMES.at(-1);
  const value = days / size;
  return `${value >= 1000 ? brief(value) : value.toPrecision(value < 1 ? 2 : 3)} ${name}`;
};
const money = (x) => (x < 0.01 ? "less than $0.01" : `$${x < 100 ? x.toFixed(2) : brief(x)}`);
const power = (x) => {
  const n = Math.floor(Math.log10(x * 1.005)); // 9.96 is said as 10
  return `${(x / 10 ** n).toFixed(1)}·10${[...String(n)].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("")}`;
};

const PAINT = {
  embeddings: "ochre",
  attention: "blue",
  "feed-forward": "teal",
  routers: "rust",
  norms: "pink",
  head: "violet",
  weights: "blue",
  gradients: "rust",
  moments: "violet",
  activations: "teal",
};

// A bar that is cut into its parts, and a list that says each with its colour.
const parted = (title, groups, says, data) => {
  const all = total(groups);
  const shown = Object.entries(groups).filter(([, size]) => size > 0);
  const cut = tx.html(
    "div",
    { class: "cl-bar", "aria-hidden": "true" },
    shown.map(([name, size]) =>
      tx.html("i", { style: `flex-grow: ${size / all}; background: var(--tx-${PAINT[name]})` }),
    ),
  );
  const list = tx.html(
    "ul",
    { class: "cl-parts" },
    shown.map(([name, size]) =>
      tx.html(
        "li",
        {},
        tx.html("i", { style: `background: var(--tx-${PAINT[name]})`, "aria-hidden": "true" }),
        tx.html("span", {}, name),
        tx.html("b", {}, `${says(size)} (${tx.share(size / all)})`),
      ),
    ),
  );
  const root = tx.html("div", { class: "cl-parted" }, tx.html("p", {}, title), cut, list);
  root.dataset[data] = JSON.stringify(groups);
  return root;
};

// A ruler with logarithmic marks. marks: [value, text] below the line; value is the figure's own.
const ruler = ({ title, value, span: [low, high], marks, width }) => {
  const [left, right] = [8, width - 8];
  const at = (x) => {
    const share = Math.log(x / low) / Math.log(high / low);
    return left + tx.clamp(share, 0, 1) * (right - left);
  };
  const root = tx.canvas(width, 36, `${title.join(", ")}, on a ruler with logarithmic marks`);
  root.append(tx.svg("line", { class: "cl-line", x1: left, x2: right, y1: 11, y2: 11 }));
  let free = -Infinity; // where the next text may begin
  for (const [x, text] of marks) {
    const half = (7.4 * [...text].length) / 2;
    const middle = tx.clamp(at(x), left + half - 8, right - half + 8);
    root.append(tx.svg("line", { class: "cl-mark", x1: at(x), x2: at(x), y1: 7, y2: 15 }));
    if (middle - half < free) continue;
    free = middle + half + 6;
    root.append(
      tx.svg("text", { class: "tx-axis", x: middle, y: 31, "text-anchor": "middle" }, text),
    );
  }
  root.append(tx.svg("circle", { class: "cl-here", cx: at(value), cy: 11, r: 6.5 }));
  const said = tx.html("p", {}, tx.html("b", {}, title[0]), ` ${title[1]}`);
  return tx.html("div", { class: "cl-ruler" }, said, root);
};

const SPANS = { parameters: [1e4, 1e13], memory: [1e6, 1e15], days: [1 / 86400, 365.25e6] };
const CLOCK = [
  [1 / 86400, "1 s"],
  [1 / 1440, "1 min"],
  [1 / 24, "1 h"],
  [1, "1 day"],
  [365.25, "1 year"],
  [365250, "1,000 years"],
];

// Parameters and tokens on a plane with two logarithmic axes; the line holds what costs as much.
const plane = (it, tokens, models, width) => {
  const [xlim, ylim] = [
    [1e5, 1e13],
    [1e6, 1e15],
  ];
  const log = ([x, y]) => [tx.clamp(x, ...xlim), Math.log10(tx.clamp(y, ...ylim))];
  const frame = tx.plane({
    width,
    height: width < 420 ? 250 : 300,
    xlim,
    ylim: ylim.map(Math.log10),
    logx: true,
    xlabel: "parameters that a token passes",
    ylabel: "tokens read",
    label:
      "Parameters across and tokens up, both in logarithms: this model, the models of the article, " +
      "and the best use of as many operations; the numbers are in the table below.",
  });
  const { root, x, y, box } = frame;
  const text = (content, attributes) =>
    root.append(tx.svg("text", { class: "tx-axis", ...attributes }, content));
  for (const v of [1e6, 1e9, 1e12]) {
    root.append(
      tx.svg("line", { class: "tx-grid", x1: x(v), x2: x(v), y1: box.top, y2: box.bottom }),
    );
    text(brief(v).replace(".00", ""), { x: x(v), y: box.bottom + 16, "text-anchor": "middle" });
  }
  for (const v of [6, 9, 12, 15]) {
    root.append(
      tx.svg("line", { class: "tx-grid", x1: box.left, x2: box.right, y1: y(v), y2: y(v) }),
    );
    text(brief(10 ** v).replace(".00", ""), {
      x: box.left - 8,
      y: y(v),
      "text-anchor": "end",
      "dominant-baseline": "central",
    });
  }
  const product = it.flops / 6;
  // The ends of the line on which N·D stays the same, where it leaves the plane.
  const first = tx.clamp(product / ylim[1], ...xlim);
  const last = tx.clamp(product / ylim[0], ...xlim);
  const d = frame.line([log([first, product / first]), log([last, product / last])]);
  root.append(tx.svg("path", { class: "cl-same", d }));
  const dot = (name, pair, r) => {
    const [a, b] = log(pair);
    root.append(tx.svg("circle", { class: name, cx: x(a), cy: y(b), r }));
  };
  for (const [n, read] of models) dot("cl-model", [n, read], 4);
  const [a, b] = log(it.optimal);
  root.append(
    tx.svg("path", {
      class: "cl-best",
      transform: `translate(${x(a)} ${y(b)})`,
      d: "M0 -8L8 0L0 8L-8 0Z",
    }),
  );
  dot("cl-here", [it.active, tokens], 6.5);
  return root;
};
