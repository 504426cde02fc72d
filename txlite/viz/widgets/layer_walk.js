// One vector through half a layer: norm, feed-forward layer, residual, norm. All in float64.

const EPS = 1e-5;

const normalised = (x) => {
  const mean = tx.sum(x) / x.length;
  const variance = tx.sum(x.map((v) => (v - mean) ** 2)) / x.length;
  return x.map((v) => (v - mean) / Math.sqrt(variance + EPS));
};

const size = (x) => Math.sqrt(tx.sum(x.map((v) => v * v)) / x.length);

const walk = ({ vector, up, down, norm, residual, scale, shift }) => {
  const entering = vector.map((v) => scale * v + shift);
  const normed = norm === "pre" ? normalised(entering) : entering;
  const hidden = tx.transpose(up).map((column) => Math.max(0, tx.dot(normed, column)));
  const branch = tx.transpose(down).map((column) => tx.dot(hidden, column));
  const summed = residual ? entering.map((v, i) => v + branch[i]) : branch;
  return { entering, normed, hidden, branch, out: norm === "post" ? normalised(summed) : summed };
};

// What each row is called, under the present choice.
const steps = ({ norm, residual }) => [
  { key: "entering", name: "x enters" },
  { key: "normed", name: norm === "pre" ? "normalised" : "enters the branch as it is" },
  { key: "hidden", name: "hidden units, after ReLU" },
  { key: "branch", name: "what the branch returns" },
  {
    key: "out",
    name: `${residual ? "x + branch" : "the branch alone"}${norm === "post" ? ", normalised" : ""}, leaves`,
  },
];

const NAMES = ["vector", "up", "down", "norm", "residual", "scale", "shift"];

const lines = (choice) =>
  [
    "import torch",
    "",
    "from txlite.viz.widgets.layer_walk import walk",
    "",
    ...["vector", "up", "down"].map((name) =>
      tx.assigned(name, choice[name], { more: ", dtype=torch.float64" }),
    ),
    "found = walk(",
    `    vector, up, down, norm=${tx.python(choice.norm)}, residual=${tx.python(choice.residual)},`,
    `    scale=${choice.scale}, shift=${choice.shift},`,
    ")",
    "entering, normed, hidden, branch, out = found",
  ].join("\n");

const picture = (width) => {
  const [cell, row] = [26, 58];
  const root = tx.canvas(width, 5 * row, "The vector at each step; the numbers are in the table.");
  const layer = tx.svg("g", {});
  root.append(layer);
  const update = (found, choice) => {
    const parts = [];
    steps(choice).forEach(({ key, name }, r) => {
      const values = found[key];
      const wide = width / values.length;
      parts.push(tx.svg("text", { class: "tx-axis", x: 0, y: r * row + 18 }, name));
      parts.push(
        tx.svg(
          "text",
          { class: "tx-axis", x: width, y: r * row + 18, "text-anchor": "end" },
          `size ${tx.number(size(values))}`,
        ),
      );
      values.forEach((value, i) => {
        const box = tx.svg("rect", {
          x: i * wide + 1,
          y: r * row + 25,
          width: wide - 2,
          height: cell,
          rx: 3,
          class: "tx-cell",
        });
        tx.shade(box, value, 3);
        parts.push(box);
      });
    });
    layer.replaceChildren(...parts);
  };
  return { root, update };
};

function render({ model, el }) {
  const choices = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const frame = tx.frame(el, model, {
    code: () => lines(choices()),
    help:
      "Each cell is one entry: blue above zero, orange below, full colour from 3 on. " +
      "The size is the root of the mean square.",
  });
  const scale = tx.slider({
    label: "x times",
    min: -3,
    max: 3,
    step: 0.25,
    value: Math.log2(model.get("scale")),
    format: (v) => tx.number(2 ** v, 2),
    oninput: (v) => tx.push(model, { scale: 2 ** v }),
  });
  const shift = tx.slider({
    label: "x plus",
    min: -3,
    max: 3,
    step: 0.25,
    value: model.get("shift"),
    format: (v) => tx.number(v, 2),
    oninput: (v) => tx.push(model, { shift: v }),
  });
  const norm = tx.select({
    label: "norm",
    value: model.get("norm"),
    oninput: (v) => tx.push(model, { norm: v }),
    options: [
      { value: "pre", label: "before the branch (pre-norm)" },
      { value: "post", label: "after the sum (post-norm)" },
      { value: "none", label: "none" },
    ],
  });
  const residual = tx.checkbox({
    label: "residual",
    value: model.get("residual"),
    oninput: (v) => tx.push(model, { residual: v }),
  });
  frame.controls.append(shift.root, norm.root, residual.root);
  frame.lead.prepend(scale.root);
  const drawing = picture(matchMedia("(max-width: 560px)").matches ? 310 : 560);
  const twin = tx.twin();
  frame.stage.append(drawing.root);
  frame.foot.append(twin.root);
  const paint = () => {
    const choice = choices();
    const found = walk(choice);
    scale.value = Math.log2(choice.scale);
    shift.value = choice.shift;
    norm.value = choice.norm;
    residual.value = choice.residual;
    drawing.update(found, choice);
    for (const [name, values] of Object.entries(found))
      frame.root.dataset[name] = JSON.stringify(values);
    const share = size(found.branch) / size(found.entering);
    frame.status(
      `x has size ${tx.number(size(found.entering))}, the branch ${tx.number(size(found.branch))} ` +
        `(${tx.percent(share)} of it); the layer returns size ${tx.number(size(found.out))}.`,
    );
    twin.update({
      caption: "The entries at each step",
      columns: ["step", ...tx.range(found.hidden.length).map((i) => String(i + 1))],
      rows: steps(choice).map(({ key, name }) => [name, ...found[key]]),
    });
  };
  return frame.watch(paint);
}

export default { render };
