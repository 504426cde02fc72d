// Who still remembers? The four trained models of the chapter on long memory run here, on the page the reader makes.
// Everything is float64 on the trained float32 weights, as in long_memory.py.

const KINDS = ["RNN", "LSTM", "CNN", "attention"];
const DASH = { RNN: "1.5 4", LSTM: "7 4", CNN: "8 3 1.5 3", attention: "none" };
const COLOR = {
  RNN: "var(--tx-rust)",
  LSTM: "var(--tx-pink)",
  CNN: "var(--tx-teal)",
  attention: "var(--tx-accent)",
};

// ---- the models -----------------------------------------------------------------------------

// { "tensor.name": { columns, data } } of one model.
const unpack = (tensors) =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      { columns: shape.at(-1), data: Float64Array.from(data) },
    ]),
  );

const row = ({ data, columns }, i) => data.subarray(i * columns, (i + 1) * columns);
const add = (...vectors) => vectors[0].map((_, i) => vectors.reduce((t, v) => t + v[i], 0));
const relu = (v) => v.map((x) => Math.max(0, x));
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

const linear = (w, name, x, suffix = "") => {
  const { data, columns } = w[`${name}weight${suffix}`];
  return Float64Array.from(w[`${name}bias${suffix}`].data, (bias, i) => {
    let total = bias;
    for (let j = 0; j < columns; j += 1) total += data[i * columns + j] * x[j];
    return total;
  });
};

const gates = (w, x, hidden) =>
  add(linear(w, "memory.cell.", x, "_ih_l0"), linear(w, "memory.cell.", hidden, "_hh_l0"));

const MEMORY = {
  RNN: (w, xs) => ({
    last: xs.reduce(
      (hidden, x) => gates(w, x, hidden).map(Math.tanh),
      new Float64Array(xs[0].length),
    ),
  }),
  LSTM: (w, xs) => {
    const D = xs[0].length;
    let [hidden, cell] = [new Float64Array(D), new Float64Array(D)];
    for (const x of xs) {
      const g = gates(w, x, hidden); // enter, keep, new, show
      cell = cell.map((c, i) => sigmoid(g[D + i]) * c + sigmoid(g[i]) * Math.tanh(g[2 * D + i]));
      hidden = cell.map((c, i) => sigmoid(g[3 * D + i]) * Math.tanh(c));
    }
    return { last: hidden };
  },
  CNN: (w, xs) => {
    let layer = 0;
    for (; `memory.layers.${layer}.weight` in w; layer += 1) {
      const back = 2 ** layer;
      const nothing = new Float64Array(xs[0].length);
      const before = xs;
      xs = before.map((x, t) =>
        add(
          x,
          relu(linear(w, `memory.layers.${layer}.`, [...x, ...(before[t - back] ?? nothing)])),
        ),
      );
    }
    return { last: xs.at(-1), reach: 2 ** layer };
  },
  attention: (w, xs) => {
    const query = linear(w, "memory.attend.query_proj.", xs.at(-1));
    const keys = xs.map((x) => linear(w, "memory.attend.key_proj.", x));
    const values = xs.map((x) => linear(w, "memory.attend.value_proj.", x));
    const looks = tx.softmax(keys.map((key) => tx.dot([...key], query) / Math.sqrt(query.length)));
    const seen = query.map((_, i) => tx.sum(values.map((value, t) => looks[t] * value[i])));
    const heard = add(xs.at(-1), linear(w, "memory.attend.output_proj.", seen));
    return { last: add(heard, relu(linear(w, "memory.mix.", heard))), looks };
  },
};

const ask = (kind, w, { names, values }) => {
  const xs = names.map((name, t) =>
    add(row(w["name.weight"], name), row(w["value.weight"], values[t])),
  );
  const { last, ...more } = MEMORY[kind](w, xs);
  const chances = tx.softmax([...linear(w, "answer.", last)]);
  return { chances, says: chances.indexOf(Math.max(...chances)), ...more };
};

// The page with its last question's note moved to `distance` positions before the question.
const place = ({ names, values }, distance) => {
  const order = tx.range(names.length);
  const [told] = order.splice(names.indexOf(names.at(-1)), 1);
  order.splice(names.length - 1 - distance, 0, told);
  return { names: order.map((i) => names[i]), values: order.map((i) => values[i]) };
};

// The page as the reader has it: with another value told, if one was chosen.
const retold = ({ names, values }, told) => {
  const at = names.indexOf(names.at(-1));
  return { names, values: values.map((value, t) => (t === at && told >= 0 ? told : value)) };
};

const lines = ({ names, values }) =>
  [
    "import torch",
    "",
    "from txlite.viz.widgets.long_memory import KINDS, LongMemory, answer",
    "from txlite.viz.widgets.tensors import Tensors",
    "",
    "figure = LongMemory.latest()  # carries the trained models",
    tx.assigned("names", names),
    tx.assigned("values", values),
    "chances = {",
    '    kind: answer(kind, Tensors.part(figure.weights, f"{kind}."), names, values)',
    "    for kind in KINDS",
    "}",
  ].join("\n");

// ---- the picture ----------------------------------------------------------------------------

const letter = (name) => String.fromCharCode(65 + name);
const ago = (d) => (d === 1 ? "1 position back" : `${d} positions back`);

// The page as tiles. A finger on a tile puts the note there.
const strip = (length, onpick) => {
  const tiles = tx.range(length).map(() => {
    const bar = tx.html("i", {});
    const text = tx.html("b", {});
    const said = tx.html("span", {});
    const note = tx.html("div", { class: "lm-note" }, text, said);
    return {
      root: tx.html("div", { class: "lm-tile" }, note, tx.html("div", {}, bar)),
      text,
      said,
      bar,
    };
  });
  const root = tx.html(
    "div",
    { class: "lm-strip", role: "img" },
    tiles.map((tile) => tile.root),
  );
  const follow = (event) => {
    const under = document.elementFromPoint(event.clientX, event.clientY)?.closest(".lm-tile");
    const step = tiles.findIndex((tile) => tile.root === under);
    if (step >= 0) onpick(tx.clamp(length - 1 - step, 1, length - 1));
  };
  root.addEventListener("pointerdown", (event) => {
    root.setPointerCapture(event.pointerId);
    follow(event);
  });
  root.addEventListener(
    "pointermove",
    (event) => root.hasPointerCapture(event.pointerId) && follow(event),
  );
  return { root, tiles };
};

const paint = ({ root, tiles }, { names, values }, distance, looks, reach, blank, untold) => {
  const last = names.length - 1;
  tiles.forEach((tile, t) => {
    const empty = names[t] === blank;
    const asks = !empty && values[t] === untold;
    tile.text.textContent = empty ? "·" : letter(names[t]);
    tile.said.textContent = empty ? " " : asks ? "?" : values[t];
    tile.bar.style.transform = `scaleY(${looks[t]})`;
    tile.root.dataset.weight = looks[t];
    tile.root.classList.toggle("lm-empty", empty);
    tile.root.classList.toggle("lm-asks", asks);
    tile.root.classList.toggle("lm-told", t === last - distance);
    tile.root.classList.toggle("lm-now", t === last);
    tile.root.classList.toggle("lm-near", t > last - reach);
  });
  root.setAttribute(
    "aria-label",
    `A page of ${names.length} positions. Position ${last - distance} tells ` +
      `${letter(names[last])}, the last position asks for it. Attention gives that position ` +
      `${tx.percent(looks[last - distance])} of its weight.`,
  );
};

const sample = (kind) => {
  const root = tx.canvas(34, 8);
  root.append(
    tx.svg("line", {
      x1: 1,
      x2: 33,
      y1: 4,
      y2: 4,
      "stroke-dasharray": DASH[kind],
      style: `stroke: ${COLOR[kind]}`,
      class: "lm-line",
    }),
  );
  root.setAttribute("aria-hidden", "true");
  return root;
};

const card = (kind, count) => {
  const says = tx.html("p", { class: "lm-says" });
  const bars = tx.range(count).map((v) => {
    const fill = tx.html("i", { style: `background: ${COLOR[kind]}` });
    return {
      fill,
      root: tx.html(
        "div",
        { class: "lm-bar" },
        tx.html("span", {}, String(v)),
        tx.html("em", {}, fill),
      ),
    };
  });
  const root = tx.html(
    "div",
    { class: "lm-card", "data-model": kind },
    tx.html("p", { class: "lm-name" }, sample(kind), kind),
    says,
    bars.map((bar) => bar.root),
  );
  const update = ({ chances, says: value }, truth) => {
    root.classList.toggle("lm-wrong", value !== truth);
    root.dataset.chances = JSON.stringify(chances);
    says.replaceChildren(
      tx.html("b", {}, String(value)),
      value === truth ? " ✓ right" : " ✗ wrong",
      tx.html("span", {}, `${tx.percent(chances[value])} sure`),
    );
    bars.forEach((bar, v) => {
      bar.fill.style.width = `${100 * chances[v]}%`;
      bar.root.classList.toggle("lm-truth", v === truth);
    });
  };
  return { root, update };
};

// Measured accuracy against distance, with a marker that the pointer moves.
const chart = (accuracy, chance, onpick) => {
  const length = accuracy.RNN.length;
  const narrow = matchMedia("(max-width: 560px)").matches;
  const plane = tx.plane({
    width: narrow ? 340 : 620,
    height: narrow ? 230 : 250,
    xlim: [1, length],
    ylim: [0, 1],
    xticks: [1, 8, 16, 24, 32, 40].filter((d) => d < length - 3).concat(length),
    yticks: [0, 0.25, 0.5, 0.75, 1],
    xlabel: "distance: positions back to the note",
    ylabel: "accuracy",
    label:
      "Measured accuracy of the four models against distance; the numbers are in the table below.",
  });
  plane.root.classList.add("lm-chart");
  plane.root.append(
    tx.svg("line", {
      x1: plane.x(1),
      x2: plane.x(length),
      y1: plane.y(chance),
      y2: plane.y(chance),
      class: "lm-chance",
    }),
    tx.svg(
      "text",
      { x: plane.x(length), y: plane.y(chance) + 17, class: "tx-axis", "text-anchor": "end" },
      "guessing",
    ),
  );
  const marker = tx.svg("line", { y1: plane.y(0), y2: plane.y(1), class: "lm-marker" });
  plane.root.append(marker);
  const dots = KINDS.map((kind) => {
    plane.root.append(
      tx.svg("path", {
        d: plane.line(accuracy[kind].map((a, i) => [i + 1, a])),
        class: "lm-line",
        "stroke-dasharray": DASH[kind],
        style: `stroke: ${COLOR[kind]}`,
      }),
    );
    const dot = tx.svg("circle", { r: 5, class: "lm-dot", style: `fill: ${COLOR[kind]}` });
    plane.root.append(dot);
    return { kind, dot };
  });
  const follow = (event) => {
    const frame = plane.root.getBoundingClientRect();
    const zoom = plane.root.viewBox.baseVal.width / frame.width;
    onpick(
      tx.clamp(Math.round(plane.inverse((event.clientX - frame.left) * zoom, 0)[0]), 1, length),
    );
  };
  plane.root.addEventListener("pointerdown", (event) => {
    plane.root.setPointerCapture(event.pointerId);
    follow(event);
  });
  plane.root.addEventListener(
    "pointermove",
    (event) => plane.root.hasPointerCapture(event.pointerId) && follow(event),
  );
  const update = (distance) => {
    marker.setAttribute("x1", plane.x(distance));
    marker.setAttribute("x2", plane.x(distance));
    for (const { kind, dot } of dots) {
      dot.setAttribute("cx", plane.x(distance));
      dot.setAttribute("cy", plane.y(accuracy[kind][distance - 1]));
    }
  };
  return { root: plane.root, update };
};

const verdict = (name, truth, distance, answers) => {
  const right = KINDS.filter((kind) => answers[kind].says === truth);
  const who =
    right.length === KINDS.length ? "All four know it" : `Right: ${list(right) || "none"}`;
  const hidden = distance >= answers.CNN.reach ? " The CNN cannot see the note: it guesses." : "";
  return `${name} = ${truth} was told ${ago(distance)}. ${who}.${hidden}`;
};
const list = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

function render({ model, el }) {
  const weights = tx.tensors(model.get("weights"));
  const models = Object.fromEntries(
    KINDS.map((kind) => [kind, unpack(tx.part(weights, `${kind}.`))]),
  );
  const count = models.RNN["answer.bias"].data.length;
  const blank = models.RNN["name.weight"].data.length / models.RNN["name.weight"].columns - 1;
  const pages = model.get("pages");
  const length = pages[0].names.length;
  const asked = () => tx.clamp(model.get("distance"), 1, length - 1);
  const present = () => place(retold(pages[model.get("page")], model.get("told")), asked());
  const frame = tx.frame(el, model, {
    code: () => lines(present()),
    play: {
      at: () => model.get("distance"),
      go: (distance) => tx.push(model, { distance }),
      first: () => 1,
      last: () => length - 1,
      pace: 400,
      name: "the note, position by position into the past",
    },
    help:
      "Each position tells a note (E over 2: “E is 2”), asks for one (E over ?), or is empty. The last " +
      "position asks. Drag the golden note back along the page: the four trained models answer as you go.",
  });
  const go = (distance) => tx.push(model, { distance });
  const slider = tx.slider({
    label: "The note was told",
    min: 1,
    max: length - 1,
    step: 1,
    value: model.get("distance"),
    format: ago,
    oninput: go,
  });
  const choice = tx.select({
    label: "and it said",
    options: tx.range(count).map(String),
    oninput: (value) => tx.push(model, { told: Number(value) }),
  });
  const another = tx.button({
    label: "Another page",
    onclick: () => tx.push(model, { told: -1, page: (model.get("page") + 1) % pages.length }),
  });
  frame.controls.append(choice.root, another.root);
  frame.lead.prepend(slider.root);
  const tiles = strip(length, go);
  const cards = KINDS.map((kind) => card(kind, count));
  const curve = chart(model.get("accuracy"), 1 / count, go);
  const twin = tx.twin();
  frame.stage.append(
    tx.html(
      "div",
      { class: "lm-page" },
      tiles.root,
      tx.html(
        "p",
        { class: "lm-legend" },
        tx.html("span", {}, tx.html("i", { class: "lm-key lm-key-look" }), "where attention looks"),
        tx.html(
          "span",
          {},
          tx.html("i", { class: "lm-key lm-key-near" }),
          "all that the CNN can see",
        ),
      ),
    ),
    tx.html(
      "div",
      { class: "lm-cards" },
      cards.map((c) => c.root),
    ),
    curve.root,
  );
  frame.foot.append(twin.root);

  const draw = () => {
    const distance = asked();
    const page = present();
    const truth = page.values[length - 1 - distance];
    const answers = Object.fromEntries(KINDS.map((kind) => [kind, ask(kind, models[kind], page)]));
    slider.value = distance;
    choice.value = String(truth);
    paint(tiles, page, distance, answers.attention.looks, answers.CNN.reach, blank, count);
    KINDS.forEach((kind, i) => cards[i].update(answers[kind], truth));
    curve.update(distance);
    frame.status(verdict(letter(page.names[length - 1]), truth, distance, answers));
    twin.update({
      caption: `What each model answers, told ${ago(distance)}; right is ${truth}`,
      columns: [
        "model",
        "answer",
        ...tx.range(count).map((v) => `P(${v})`),
        "accuracy at this distance",
      ],
      rows: KINDS.map((kind) => [
        kind,
        String(answers[kind].says),
        ...answers[kind].chances,
        model.get("accuracy")[kind][distance - 1],
      ]),
    });
  };
  return frame.watch(draw);
}

export default { render };
