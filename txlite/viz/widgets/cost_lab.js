// The cost lab: sizes on sliders, and all that follows from them. Every number is computed here.

const CHOICES = [...SIZES, "tokens", "machine", "utilisation", "price", "kept"];
const LADDERS = {
  d_model: [
    64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384,
  ],
  num_layers: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128],
  widening: [1, 1.5, 2, 3, 4, 5, 6, 8],
  experts: tx.range(12).map((n) => 2 ** n),
  vocab_size: [256, 512, 1000, 2000, 5000, 10000, 20000, 32000, 50257, 100000, 200000],
  length: tx.range(12).map((n) => 64 * 2 ** n),
  batch_size: tx.range(13).map((n) => 2 ** n),
  tokens: tx.range(25).map((n) => [1, 2, 5][n % 3] * 10 ** (6 + Math.floor(n / 3))),
  price: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10],
};
const KEPT = {
  everything: "all kept",
  "no scores": "all but the scores",
  inputs: "inputs of layers",
};

const lines = (model) =>
  [
    "from txlite.viz.widgets.cost_lab import CostLab",
    "",
    "figure = CostLab(",
    ...CHOICES.map((name) => `    ${name}=${tx.python(model.get(name))},`),
    ")",
    "costs = figure.shown()",
    "parameters, memory, used = costs.parameters, costs.memory, costs.used",
    "days, money, optimal = costs.days, costs.money, costs.optimal",
  ].join("\n");

const whole = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const divisors = (n) => tx.range(n).flatMap((i) => (n % (i + 1) ? [] : [i + 1]));
const nearest = (steps, value) =>
  steps.reduce(
    (best, step, i) =>
      Math.abs(Math.log(step / value)) < Math.abs(Math.log(steps[best] / value)) ? i : best,
    0,
  );
// Heads share the width, and at least eight numbers are left for each.
const headsOf = (width) => divisors(width).filter((n) => n === 1 || (n <= 256 && width / n >= 8));

// What follows when a size is moved: heads stay as wide, the hidden layer as many times wider.
const followed = (model, name, value) => {
  const get = (trait) => model.get(trait);
  const moved = { [name]: value };
  if (name === "d_model") {
    const steps = headsOf(value);
    moved.num_heads = steps[nearest(steps, (value * get("num_heads")) / get("d_model"))];
    moved.d_ff = tx.clamp(Math.round((get("d_ff") * value) / get("d_model")), 8, 262144);
  }
  if (name === "d_model" || name === "num_heads") {
    const heads = moved.num_heads;
    const steps = divisors(heads);
    const share = get("num_kv_heads") / get("num_heads");
    moved.num_kv_heads = steps[nearest(steps, heads * share)];
  }
  return moved;
};

const verdict = (it, tokens) => {
  const fits = it.fits ? "it fits" : "it does not fit";
  const where = it.machine.label;
  return (
    `${brief(it.total)} parameters; training holds ${bytes(it.held)} of ${bytes(it.room)}: ${fits}; ` +
    `${brief(tokens)} tokens take ${duration(it.days)} on ${where}, ${money(it.money)}.`
  );
};

const render = ({ model, el }) => {
  const { controls, stage, lead, foot, status, watch, room } = tx.frame(el, model, {
    code: () => lines(model),
    help:
      "Every number follows from the sizes. The buttons set those of the article's models, counted as decoders; " +
      "prices are examples to be moved.",
  });
  const get = (name) => model.get(name);
  const push = (values) => tx.push(model, values);

  const buttons = Object.entries(get("models")).map(([name, sizes]) =>
    tx.html(
      "button",
      { type: "button", class: "tx-button", onclick: () => push({ tied: true, ...sizes }) },
      name,
    ),
  );
  const models = tx.html(
    "div",
    { class: "cl-models", role: "toolbar", "aria-label": "The article's models" },
    buttons,
  );
  tx.rove(models);

  // A slider over steps; what it says is the trait itself, which may lie between two of them.
  const ladder = (label, name, steps, says = whole, value = () => get(name), set = null) => {
    const list = typeof steps === "function" ? steps : () => steps;
    const slider = tx.slider({
      label,
      min: 0,
      max: list().length - 1,
      step: 1,
      value: nearest(list(), value()),
      format: () => says(value()),
      oninput: (n) => push(set ? set(list()[n]) : followed(model, name, list()[n])),
    });
    const settle = () => {
      slider.input.max = list().length - 1;
      slider.value = nearest(list(), value());
    };
    return { root: slider.root, settle };
  };
  const width = ladder("Width", "d_model", LADDERS.d_model);
  lead.append(width.root);
  const sliders = [
    ladder("Layers", "num_layers", LADDERS.num_layers),
    ladder("Heads", "num_heads", () => headsOf(get("d_model"))),
    ladder("Key heads", "num_kv_heads", () => divisors(get("num_heads"))),
    ladder(
      "Hidden",
      "d_ff",
      LADDERS.widening,
      () => whole(get("d_ff")),
      () => get("d_ff") / get("d_model"),
      (times) => ({ d_ff: Math.max(8, Math.round(times * get("d_model"))) }),
    ),
    ladder("Experts", "experts", LADDERS.experts),
    ladder("Vocabulary", "vocab_size", LADDERS.vocab_size),
    ladder("Length", "length", LADDERS.length),
    ladder("Sequences", "batch_size", LADDERS.batch_size),
    ladder("Tokens", "tokens", LADDERS.tokens, brief),
    ladder("Price", "price", LADDERS.price, (x) => `$${x}/h`),
  ];
  const used = tx.slider({
    label: "Utilisation",
    min: 1,
    max: 100,
    step: 1,
    value: get("utilisation"),
    format: (n) => `${n}\u00a0%`,
    oninput: (utilisation) => push({ utilisation }),
  });
  const rows = tx.html(
    "div",
    { class: "tx-row", role: "group", "aria-label": "Sizes, tokens and machine" },
    [...sliders, used].map(({ root }) => root),
  );
  tx.rove(rows);

  const machines = get("machines");
  const machine = tx.select({
    label: "Machine",
    options: Object.entries(machines).map(([value, { label }]) => ({ value, label })),
    value: get("machine"),
    oninput: (name) => push({ machine: name, price: machines[name].price }),
  });
  const kept = tx.select({
    label: "Activations",
    options: Object.entries(KEPT).map(([value, label]) => ({ value, label })),
    value: get("kept"),
    oninput: (name) => push({ kept: name }),
  });
  const tied = tx.checkbox({
    label: "output tied",
    value: get("tied"),
    oninput: (on) => push({ tied: on }),
  });
  const chosen = tx.html(
    "div",
    { class: "tx-row", role: "group", "aria-label": "Machine and memory" },
    [machine, kept, tied].map(({ root }) => root),
  );
  tx.rove(chosen);
  controls.append(models, chosen);

  const picture = tx.html("div", { class: "cl-picture", "data-effect": true });
  const second = tx.html("div", { class: "cl-plane" });
  stage.append(picture, second, rows);
  const twin = tx.twin();
  foot.append(twin.root);

  // Where the article's models lie; those whose tokens no source tells are not on the plane.
  const article = Object.entries(get("models")).map(([name, sizes]) => {
    const s = sizesOf((size) => (size === "tied" ? true : sizes[size]));
    const parameters = parametersOf(s);
    const spare = (parameters["feed-forward"] / s.experts) * (s.experts - 1);
    const all = total(parameters);
    return { name, total: all, active: all - spare, tokens: sizes.tokens };
  });

  const draw = () => {
    const it = costsOf(get);
    const tokens = get("tokens");
    for (const { settle } of [width, ...sliders]) settle();
    used.value = get("utilisation");
    machine.value = get("machine");
    kept.value = get("kept");
    tied.value = get("tied");
    const now = Object.entries(get("models"));
    buttons.forEach((button, i) => {
      const same = Object.entries(now[i][1]).every(([name, value]) => get(name) === value);
      button.setAttribute("aria-pressed", String(same && get("tied")));
    });
    const wide = Math.min(640, Math.round(room()));
    const rulers = [
      ruler({
        title: [`${brief(it.total)} parameters`, "beside the article's models"],
        value: it.total,
        span: SPANS.parameters,
        marks: article.map((one) => [one.total, one.name]),
        width: wide,
      }),
      ruler({
        title: [`${bytes(it.held)} for training`, "beside the machines' memory"],
        value: it.held,
        span: SPANS.memory,
        marks: Object.entries(machines).map(([name, m]) => [m.memory * m.devices, name]),
        width: wide,
      }),
      ruler({
        title: [duration(it.days), `on ${it.machine.label}, ${money(it.money)}`],
        value: it.days,
        span: SPANS.days,
        marks: CLOCK,
        width: wide,
      }),
    ];
    picture.replaceChildren(
      parted("Parameters", it.parameters, brief, "parameters"),
      parted("Memory of training", it.memory, bytes, "memory"),
      ...rulers,
    );
    const known = article.filter((one) => one.tokens).map((one) => [one.active, one.tokens]);
    second.replaceChildren(
      plane(it, tokens, known, wide),
      tx.html(
        "p",
        { class: "tx-legend cl-legend" },
        tx.html("span", {}, tx.html("i", { class: "cl-key-here" }), "this model"),
        tx.html(
          "span",
          {},
          tx.html("i", { class: "cl-key-best" }),
          "lowest loss, by Chinchilla's law",
        ),
        tx.html("span", {}, tx.html("i", { class: "cl-key-same" }), "as many operations"),
        tx.html("span", {}, tx.html("i", { class: "cl-key-model" }), "the article's models"),
      ),
    );
    status(verdict(it, tokens));
    const [best, read] = it.optimal;
    twin.update({
      caption: "What it takes",
      columns: ["what", "value"],
      rows: [
        ...Object.entries(it.parameters).map(([name, n]) => [`parameters: ${name}`, whole(n)]),
        ["parameters", whole(it.total)],
        ["parameters that a token passes", whole(it.active)],
        ...Object.entries(it.memory).map(([name, n]) => [`bytes of training: ${name}`, bytes(n)]),
        ["bytes of training", bytes(it.held)],
        [`memory of ${it.machine.label}`, bytes(it.room)],
        ["in use: weights in 16 bits", bytes(it.used.weights)],
        ["in use: keys and values", bytes(it.used.cache)],
        ["operations of training, a token", power(it.each)],
        ["operations of training", power(it.flops)],
        ["by the rule 6·N·D", `${power(it.sixNd)} (${tx.percent(it.sixNd / it.flops)})`],
        [`time on ${it.machine.label}`, duration(it.days)],
        ["money", money(it.money)],
        ["tokens for each parameter", tx.number(tokens / it.active, 2)],
        ["as many operations, best: parameters", brief(best)],
        ["as many operations, best: tokens", brief(read)],
      ],
    });
    Object.assign(stage.dataset, {
      parameters: JSON.stringify(it.parameters),
      memory: JSON.stringify(it.memory),
      used: JSON.stringify(it.used),
      optimal: JSON.stringify(it.optimal),
      active: it.active,
      each: it.each,
      flops: it.flops,
      sixNd: it.sixNd,
      days: it.days,
      money: it.money,
      fits: it.fits,
    });
  };
  return watch(draw);
};

export default { render };
