// The layer stepper: a diagram to click on, and beside it the operation with its true tensors.

// A tensor of a step as rows of numbers; a step says which of its walk's tensors it is.
const reader =
  (tensors) =>
  ([number]) =>
    tx.nested(tensors[number]);

const columnsOf = (matrix, [from, to]) => matrix.map((row) => row.slice(from, to));
const plus = (a, b) => a.map((row, i) => row.map((x, j) => x + b[i][j]));
const apart = (a, b) =>
  Math.max(...a.flatMap((row, i) => row.map((x, j) => Math.abs(x - b[i][j]))));
const tiny = (x) =>
  x === 0
    ? "exactly 0"
    : `${(x * 10 ** -Math.floor(Math.log10(x))).toFixed(0)} · 10${[...String(Math.floor(Math.log10(x)))].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`;

// Which tokens are the rows, and which are looked at.
const tokensOf = (step, walk) => {
  const side =
    step.block.startsWith("source") || step.block.startsWith("encoder") ? "source" : "target";
  const asked = step.block.endsWith("cross_attention") ? "source" : side;
  return { rows: walk[side], keys: walk[asked] };
};

const look = (step, read, own) => {
  const [query, key] = [read(step.tensors.query), read(step.tensors.key)];
  const mask = step.causal ? query.map((_, i) => key.map((__, j) => j <= i)) : null;
  const parts = [query, key].map((m) => columnsOf(m, own));
  return tx.attention(parts[0], parts[1], parts[1], { mask }).weights;
};

// Each kind of step: the nodes it shows, and the table of its numbers.
const SHOW = {
  embed: (c) => ({ nodes: [c.strip("x")], table: "x" }),
  place: (c) => ({
    nodes: [
      c.strip("x"),
      sign("+"),
      c.strip("position"),
      sign("="),
      c.computed("sum", plus(c.of("x"), c.of("position"))),
    ],
    table: "sum",
  }),
  norm: (c) => ({ nodes: [c.strip("x"), sign("→"), c.strip("y")], table: "y" }),
  project: (c) => ({
    nodes: [c.strip("query", true), c.strip("key", true), c.strip("value", true)],
    table: "query",
  }),
  look: (c) => {
    const weights = look(c.step, c.read, c.own);
    return { nodes: [c.map(weights)], weights };
  },
  gather: (c) => {
    const weights = look(c.step, c.read, c.own);
    const z = tx.matmul(weights, columnsOf(c.of("value"), c.own));
    const far = apart(z, columnsOf(c.of("z"), c.own));
    return {
      nodes: [c.map(weights), sign("·"), c.strip("value", true), sign("="), c.strip("z", true)],
      weights,
      far,
    };
  },
  mix: (c) => ({ nodes: [c.strip("z", true), sign("→"), c.strip("branch")], table: "branch" }),
  add: (c) => ({
    nodes: [
      c.strip("x"),
      sign("+"),
      c.strip("branch"),
      sign("="),
      c.computed("sum", plus(c.of("x"), c.of("branch"))),
    ],
    table: "sum",
  }),
  hidden: (c) => ({ nodes: [c.strip("x"), sign("→"), c.strip("hidden")], table: "hidden" }),
  down: (c) => ({ nodes: [c.strip("hidden"), sign("→"), c.strip("branch")], table: "branch" }),
  logits: (c) => ({ nodes: [c.strip("logits")], table: "logits" }),
  softmax: (c) => {
    const all = c.of("logits").map((line) => tx.softmax(line));
    return { nodes: [c.places(), bars(c.words, all[c.row])], probabilities: all[c.row] };
  },
};

// The tensors of the step from the figure, and what this page computes of them, by txlite.
const lines = (model) => {
  const step = model.get("walks")[model.get("walk")].steps[model.get("step")];
  const { D, H } = model.get("sizes");
  const named = (name) => `${name === "sum" ? "total" : name} = figure.tensor("${name}")`;
  const found = [
    "from txlite.viz.widgets.layer_stepper import LayerStepper",
    "",
    "figure = LayerStepper.latest()  # carries what its model computed",
    `figure.walk, figure.step = ${model.get("walk")}, ${model.get("step")}  # ${step.block}: ${step.kind}`,
    ...Object.keys(step.tensors).map(named),
  ];
  if (!["look", "gather"].includes(step.kind)) {
    return [
      ...found,
      ...(step.kind === "softmax" ? ["probabilities = logits.softmax(-1)"] : []),
    ].join("\n");
  }
  const [from, to] = [model.get("head"), model.get("head") + 1].map((h) => (h * D) / H);
  return [
    "from txlite.nn import attention_weights, masks",
    ...found,
    `own = slice(${from}, ${to})  # the columns of head ${model.get("head")}`,
    `weights = attention_weights(query[:, own], key[:, own]${step.causal ? ", masks.causal()" : ""})`,
    ...(step.kind === "gather"
      ? ["mixed = weights @ value[:, own]  # the head's columns of z"]
      : []),
  ].join("\n");
};

const context = (model, walk, step, read, act) => {
  const sizes = model.get("sizes");
  const width = sizes.D / sizes.H;
  const head = model.get("head");
  const { rows, keys } = tokensOf(step, walk);
  const own = [head * width, (head + 1) * width];
  const of = (name) => read(step.tensors[name]);
  const labels = (name) => (name === "key" || name === "value" ? keys : rows);
  const indent = 8 + 13 * Math.max(...[...rows, ...keys].map(tx.breadth)); // all rows begin at one x
  const draw = (name, values, marked) =>
    strip({
      title: NAMES[name] ?? name,
      rows: labels(name),
      values,
      indent,
      own: marked ? own : null,
      onpoint: act.say,
    });
  return {
    step,
    read,
    own,
    of,
    words: model.get("vocabulary"),
    row: model.get("row") < 0 ? rows.length - 1 : Math.min(model.get("row"), rows.length - 1),
    strip: (name, marked = false) => draw(name, of(name), marked),
    computed: (name, values) => draw(name, values, false),
    map: (weights) =>
      map(rows, keys, weights, `Head ${head}: rows are queries, columns are keys`, (i, j) =>
        act.say(`Head ${head}: ${rows[i]} takes ${tx.percent(weights[i][j], 1)} from ${keys[j]}`),
      ),
    places: () =>
      tx.html(
        "div",
        { class: "tx-places", role: "group", "aria-label": "After which token?" },
        rows.map((word, i) => {
          const button = tx.button({ label: word, onclick: () => tx.push(model, { row: i }) });
          const now = model.get("row") < 0 ? rows.length - 1 : model.get("row");
          button.input.setAttribute("aria-pressed", String(i === now));
          return button.root;
        }),
      ),
  };
};

const NAMES = {
  query: "Q",
  key: "K",
  value: "V",
  z: "Z",
  position: "p",
  sum: "x",
  hidden: "h",
  y: "y",
  x: "x",
  branch: "branch",
  logits: "logits",
};

const tableOf = (shown, c, walk) => {
  const { rows, keys } = tokensOf(c.step, walk);
  if (shown.weights)
    return {
      caption: "Attention weights",
      columns: ["query", ...keys],
      rows: shown.weights.map((line, i) => [rows[i], ...line]),
    };
  if (shown.probabilities) {
    const order = tx
      .range(c.words.length)
      .sort((a, b) => shown.probabilities[b] - shown.probabilities[a])
      .slice(0, 12);
    return {
      caption: `What comes after ${rows[c.row]}`,
      columns: ["word", "probability"],
      rows: order.map((n) => [c.words[n], shown.probabilities[n]]),
    };
  }
  const values =
    shown.table === "sum"
      ? plus(c.of("x"), c.of(c.step.tensors.branch ? "branch" : "position"))
      : c.of(shown.table);
  return {
    caption: NAMES[shown.table],
    columns: ["token", ...values[0].map((_, j) => String(j))],
    rows: values.map((line, i) => [rows[i], ...line]),
  };
};

const build = (model, act) => {
  const sizes = model.get("sizes");
  const { root: frame, ...parts } = act.frame;
  const options = model.get("walks").map((walk, i) => ({ value: i, label: walk.name }));
  const sentence = tx.select({
    label: "Sentence",
    options,
    value: model.get("walk"),
    oninput: (v) => act.choose(Number(v)),
  });
  const last = model.get("walks")[0].steps.length - 1;
  const slider = tx.slider({
    label: "Step",
    min: 0,
    max: last,
    step: 1,
    value: model.get("step"),
    format: (n) => `${n + 1} of ${last + 1}`,
    oninput: act.go,
  });
  const back = tx.button({ label: "‹ back", onclick: () => act.go(model.get("step") - 1) });
  const next = tx.button({ label: "next ›", onclick: () => act.go(model.get("step") + 1) });
  const heads = tx
    .range(sizes.H)
    .map((h) => tx.button({ label: String(h), onclick: () => tx.push(model, { head: h }) }));
  const group = tx.html(
    "div",
    { class: "tx-control tx-heads", role: "group", "aria-label": "Head" },
    tx.html("span", {}, "Head"),
    heads.map((h) => h.root),
  );
  const walk = tx.html(
    "div",
    { class: "tx-control tx-walk", role: "group", "aria-label": "Back and next" },
    back.root,
    next.root,
  );
  [group, walk].forEach((one) => tx.rove(one));
  parts.controls.append(sentence.root, group);
  parts.lead.prepend(slider.root, walk);
  const blocks = model.get("walks")[0].steps.map((step) => step.block);
  const diagram = drawDiagram(sizes, blocks, { onpick: act.jump });
  const line = tx.html("p", { class: "tx-sentence" });
  const heading = tx.html("p", { class: "tx-heading" });
  const formula = tx.html("p", { class: "tx-formula" });
  const text = tx.html("p", { class: "tx-text" });
  const pictures = tx.html("div", { class: "tx-pictures", "data-effect": "" });
  tx.rove(pictures);
  const check = tx.html("p", { class: "tx-check-line" });
  const panel = tx.html("div", { class: "tx-panel" }, heading, formula, text, pictures, check);
  const twin = tx.twin();
  parts.stage.before(line);
  parts.stage.append(tx.html("div", { class: "tx-diagram-holder" }, diagram.root), panel);
  parts.foot.append(twin.root);
  return {
    line,
    sentence,
    slider,
    back,
    next,
    heads,
    group,
    diagram,
    heading,
    formula,
    text,
    pictures,
    check,
    panel,
    twin,
  };
};

const sentenceOf = (model, step, index, count) => {
  const [, rows, columns] = Object.values(step.tensors).at(-1);
  const cost = step.parameters
    ? `${step.parameters.toLocaleString("en")} parameters`
    : "no parameters";
  return `Step ${index + 1} of ${count}: ${blockName(step.block, model.get("sizes"))}: ${KIND[step.kind][0]}. ${rows} × ${columns} numbers, ${cost}.`;
};

const render = ({ model, el }) => {
  const last = model.get("walks")[0].steps.length - 1;
  const frame = tx.frame(el, model, {
    code: () => lines(model),
    play: {
      at: () => model.get("step"),
      go: (step) => tx.push(model, { step }),
      last: () => last,
      pace: 1600,
      name: "one after another",
    },
    help: "Go step by step, or click a block. Point at a colour to read its number: blue is positive, orange negative.",
  });
  const steps = () => model.get("walks")[model.get("walk")].steps;
  const numbers = tx.tensors(model.get("numbers"));
  const reads = model.get("walks").map((_, i) => reader(tx.part(numbers, `${i}.`)));
  const act = {
    frame,
    say: frame.status,
    go: (n) => tx.push(model, { step: tx.clamp(n, 0, steps().length - 1) }),
    choose: (n) => tx.push(model, { row: -1, walk: n }),
    jump: (block) => act.go(steps().findIndex((step) => step.block === block)),
  };
  const view = build(model, act);
  const draw = () => {
    const walk = model.get("walks")[model.get("walk")];
    const index = tx.clamp(model.get("step"), 0, walk.steps.length - 1);
    const step = walk.steps[index];
    const c = context(model, walk, step, reads[model.get("walk")], act);
    const shown = SHOW[step.kind](c);
    const [name, formula, text] = KIND[step.kind];
    const logits = reads[model.get("walk")](walk.steps.at(-1).tensors.logits).at(-1);
    view.heading.replaceChildren(
      tx.html("b", {}, blockName(step.block, model.get("sizes"))),
      ` · ${name}`,
    );
    view.formula.textContent = formula;
    view.text.textContent = step.causal ? `${text} No row looks ahead: the mask is causal.` : text;
    view.pictures.replaceChildren(...shown.nodes);
    view.check.textContent =
      shown.far == null
        ? ""
        : `Computed in this page from Q, K and V, and compared with the model's own Z: at most ${tiny(shown.far)} apart.`;
    view.panel.dataset.far = shown.far ?? "";
    view.diagram.light(step.block);
    const next = c.words[logits.indexOf(Math.max(...logits))];
    view.diagram.says(`→ ${next}`);
    view.line.replaceChildren(
      walk.source.join(" "),
      sign(" ⟶ "),
      walk.target.join(" "),
      sign(" → "),
      tx.html("b", {}, next),
    );
    view.twin.update(tableOf(shown, c, walk));
    view.slider.value = index;
    view.sentence.value = model.get("walk");
    view.back.input.disabled = index === 0;
    view.next.input.disabled = index === walk.steps.length - 1;
    view.group.hidden = !["project", "look", "gather", "mix"].includes(step.kind);
    view.heads.forEach((h, i) =>
      h.input.setAttribute("aria-pressed", String(i === model.get("head"))),
    );
    frame.status(sentenceOf(model, step, index, walk.steps.length));
  };
  return frame.watch(draw);
};

export default { render };
