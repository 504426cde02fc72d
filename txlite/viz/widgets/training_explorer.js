// The training explorer: a schedule to pull at its peak, and a prediction to make more or less sure.
// The arithmetic is that of training_explorer.py, in float64.

const [LEAST, MOST] = [500, 16000]; // of the warm-up
const GAPS = [-4, 16];

const rateOf = (width, warmup, step) =>
  width ** -0.5 * Math.min(step ** -0.5, step * warmup ** -1.5);
const cosineOf = (width, warmup, total, step) => {
  const peak = (width * warmup) ** -0.5;
  const share = (step - warmup) / (total - warmup);
  return peak * (step <= warmup ? step / warmup : (1 + Math.cos(Math.PI * share)) / 2);
};

const lossOf = (wanted, vocabulary, gap) => {
  const top = Math.max(gap, 0);
  const logSum = top + Math.log(Math.exp(Math.min(gap, 0)) + (vocabulary - 1) * Math.exp(-top));
  return { loss: logSum - wanted * gap, given: Math.exp(gap - logSum) };
};

const predict = (epsilon, vocabulary, gap) => {
  const wanted = 1 - epsilon + epsilon / vocabulary;
  const rest = epsilon / vocabulary;
  const { loss, given } = lossOf(wanted, vocabulary, gap);
  const certain = epsilon === 0;
  return {
    wanted,
    given,
    loss,
    pull: given - wanted,
    least: certain ? 0 : -wanted * Math.log(wanted) - (vocabulary - 1) * rest * Math.log(rest),
    best_gap: certain ? Infinity : Math.log(wanted / rest),
  };
};

const lines = (model) => {
  const [width, warmup, total, step] = ["d_model", "warmup_steps", "total_steps", "step"].map(
    (name) => model.get(name),
  );
  const [epsilon, vocabulary, gap] = ["epsilon", "vocab_size", "gap"].map((name) =>
    model.get(name),
  );
  return [
    "import torch",
    "",
    "from txlite.training import smoothed_targets, token_losses, warmup_cosine, warmup_inverse_sqrt",
    "",
    `paper = warmup_inverse_sqrt(${width}, ${warmup})`,
    `peak = paper(${warmup})`,
    `inverse_sqrt = paper(${step})`,
    `cosine = warmup_cosine(peak, ${warmup}, ${total})(${step})`,
    `logits = torch.zeros(${vocabulary}, dtype=torch.float64)`,
    `logits[0] = ${gap}  # the right token's, above all others`,
    "right = torch.tensor(0)",
    `given = float(logits.softmax(-1)[0])`,
    `wanted = float(smoothed_targets(right, ${vocabulary}, ${epsilon})[0])`,
    `loss = float(token_losses(logits, right, label_smoothing=${epsilon}))`,
  ].join("\n");
};

const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f"); // 37000 -> 37 000
const scientific = (x) => {
  const power = Math.floor(Math.log10(x));
  const digits = [...String(Math.abs(power))].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).join("");
  return `${tx.number(x / 10 ** power, 2)} · 10${power < 0 ? "⁻" : ""}${digits}`;
};

// Round tick marks from 0 up to a limit.
const ticks = (limit) => {
  const rough = limit / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((f) => f * unit).find((s) => s >= rough);
  return tx.range(Math.floor(limit / step) + 1).map((i) => Number((i * step).toPrecision(3)));
};

const panel = (caption, ...inside) =>
  tx.html("figure", { class: "te-panel" }, tx.html("figcaption", {}, caption), inside);
const path = (cls) => tx.svg("path", { class: `te-line ${cls}` });

// The schedule. The plane is built anew for another width, never while a hand is on it.
const schedulePlane = (model, small) => {
  const [width, total] = [model.get("d_model"), model.get("total_steps")];
  const limit = 1100 * rateOf(width, LEAST, LEAST);
  const plane = tx.plane({
    width: small,
    height: small < 400 ? 230 : 270,
    xlim: [0, total],
    ylim: [0, limit],
    yticks: ticks(limit),
    xticks: small < 400 ? [0, 10000, total] : [0, 5000, 10000, 15000, total],
    xlabel: "step",
    ylabel: "learning rate × 1000",
  });
  plane.root.classList.add("te-schedule");
  const [paper, cosine, now] = [
    path("te-paper"),
    path("te-cosine"),
    tx.svg("line", { class: "te-now" }),
  ];
  const dot = tx.svg("circle", { r: 5, class: "te-dot" });
  plane.root.append(cosine, paper, now, dot);
  const peakOf = (warmup) => 1000 * rateOf(width, warmup, warmup);
  const start = model.get("warmup_steps");
  const handle = tx.handle(plane, {
    label: "end of the warm-up",
    x: start,
    y: peakOf(start),
    step: 100,
    range: [LEAST, MOST],
    along: peakOf,
    snap: (x) => Math.round(x / 50) * 50,
    says: (x, y) => `warm-up of ${grouped(x)} steps, peak ${scientific(y / 1000)}`,
    onmove: (x) => tx.push(model, { warmup_steps: x }),
  });
  plane.root.append(handle.root);
  const update = () => {
    const [warmup, step] = [model.get("warmup_steps"), model.get("step")];
    const steps = [...tx.range(101).map((i) => Math.max(1, (i * total) / 100)), warmup].sort(
      (a, b) => a - b,
    );
    paper.setAttribute("d", plane.line(steps.map((s) => [s, 1000 * rateOf(width, warmup, s)])));
    cosine.setAttribute(
      "d",
      plane.line(steps.map((s) => [s, 1000 * cosineOf(width, warmup, total, s)])),
    );
    handle.move(warmup, peakOf(warmup));
    const here = 1000 * rateOf(width, warmup, step);
    tx.fill(now, { x1: plane.x(step), x2: plane.x(step), y1: plane.y(0), y2: plane.y(here) }, []);
    tx.fill(dot, { cx: plane.x(step), cy: plane.y(here) }, []);
  };
  return { root: plane.root, width, update };
};

// The loss of one prediction against its gap, with the bottom of the valley marked.
const lossPlane = (model, small) => {
  const plane = tx.plane({
    width: small,
    height: small < 400 ? 230 : 270,
    xlim: GAPS,
    ylim: [0, 15],
    xticks: [-4, 0, 4, 8, 12, 16],
    yticks: [0, 5, 10, 15],
    xlabel:
      small < 400
        ? "gap of the right token's logit"
        : "gap: the right token's logit above the others",
    ylabel: "loss, in nats",
  });
  plane.root.classList.add("te-loss");
  const [curve, plain] = [path("te-paper"), path("te-cosine")];
  const best = tx.svg("path", { class: "te-best", d: "M0 -9L8 6L-8 6Z" });
  const height = (gap) =>
    Math.min(15, predict(model.get("epsilon"), model.get("vocab_size"), gap).loss);
  const handle = tx.handle(plane, {
    label: "gap of the prediction",
    x: model.get("gap"),
    y: height(model.get("gap")),
    step: 0.1,
    along: height,
    snap: (x) => Math.round(x * 100) / 100,
    says: (x) =>
      `gap ${tx.number(x)}, loss ${tx.number(predict(model.get("epsilon"), model.get("vocab_size"), x).loss, 3)}`,
    onmove: (x) => tx.push(model, { gap: x }),
  });
  plane.root.append(plain, curve, best, handle.root);
  const update = () => {
    const [epsilon, vocabulary, gap] = [
      model.get("epsilon"),
      model.get("vocab_size"),
      model.get("gap"),
    ];
    const gaps = tx.range(121).map((i) => GAPS[0] + (i * (GAPS[1] - GAPS[0])) / 120);
    const draw = (wanted) =>
      plane.line(gaps.map((z) => [z, Math.min(15, lossOf(wanted, vocabulary, z).loss)]));
    const now = predict(epsilon, vocabulary, gap);
    curve.setAttribute("d", draw(now.wanted));
    plain.setAttribute("d", draw(1));
    handle.move(gap, Math.min(15, now.loss));
    const seen = now.best_gap <= GAPS[1];
    best.style.display = seen ? "" : "none";
    if (seen)
      best.setAttribute(
        "transform",
        `translate(${plane.x(now.best_gap)} ${plane.y(now.least) + 16})`,
      );
  };
  return { root: plane.root, update };
};

// What is wanted and what is given, of the right token and of all others together.
const shares = () => {
  const bar = (name) => {
    const [text, fill] = [tx.html("b", {}), tx.html("i", {})];
    return {
      root: tx.html(
        "div",
        { class: "te-bar" },
        tx.html("span", {}, name),
        tx.html("em", {}, fill),
        text,
      ),
      text,
      fill,
    };
  };
  const bars = { wanted: bar("the target wants"), given: bar("the model gives") };
  const update = (now) =>
    Object.entries(bars).forEach(([name, { text, fill }]) => {
      fill.style.width = `${100 * now[name]}%`;
      text.textContent = tx.percent(now[name], 1);
    });
  return {
    root: tx.html(
      "div",
      { class: "te-bars" },
      tx.html("p", {}, "for the right token"),
      bars.wanted.root,
      bars.given.root,
    ),
    update,
  };
};

const verdict = (now) => {
  if (now.best_gap === Infinity)
    return "without smoothing no gap is wide enough: the loss pulls for ever.";
  if (Math.abs(now.pull) < 0.005)
    return "sure enough, the bottom of the valley, where nothing pulls any more.";
  return now.pull < 0
    ? "not sure enough, the gap is pulled wider."
    : "too sure, the gap is pushed together again.";
};

const render = ({ model, el }) => {
  const { controls, stage, foot, status, watch, room } = tx.frame(el, model, {
    code: () => lines(model),
    help:
      "Left: pull the peak to a longer or shorter warm-up. Right: pull the dot to make the prediction more or less " +
      "sure; the triangle marks the bottom of the valley. Dashed: a cosine from the same peak, and the loss without smoothing.",
  });
  const wide = room();
  const small = Math.round(Math.min(430, wide < 632 ? wide : wide / 2 - 16)); // two columns, or one on a phone
  const list = (name, label, trait, format) => {
    const values = model.get(name);
    return tx.slider({
      label,
      min: 0,
      max: values.length - 1,
      step: 1,
      value: values.indexOf(model.get(trait)),
      format: (i) => format(values[i]),
      oninput: (i) => tx.push(model, { [trait]: values[i] }),
    });
  };
  const width = list("widths", "d_model", "d_model", String);
  const step = tx.slider({
    label: "read at step",
    min: 1,
    max: model.get("total_steps"),
    step: 1,
    value: model.get("step"),
    format: grouped,
    oninput: (v) => tx.push(model, { step: v }),
  });
  const epsilon = tx.slider({
    label: "smoothing ε",
    min: 0,
    max: 0.5,
    step: 0.01,
    value: model.get("epsilon"),
    oninput: (v) => tx.push(model, { epsilon: v }),
  });
  const vocabulary = list("vocabularies", "vocabulary V", "vocab_size", grouped);
  const rate = tx.html("p", { class: "te-numbers" });
  const sure = tx.html("p", { class: "te-numbers" });
  const [holder, losses, bars, twin] = [
    tx.html("div", {}),
    lossPlane(model, small),
    shares(),
    tx.twin(),
  ];
  const part = (...roots) => tx.html("div", { class: "te-controls" }, roots);
  stage.append(
    panel("How fast: the learning rate", part(width.root, step.root), holder, rate),
    panel(
      "How sure: one prediction",
      part(epsilon.root, vocabulary.root),
      losses.root,
      bars.root,
      sure,
    ),
  );
  controls.remove();
  foot.append(twin.root);
  let schedule = null;
  return watch(() => {
    const [d, w, s, total] = ["d_model", "warmup_steps", "step", "total_steps"].map((name) =>
      model.get(name),
    );
    if (schedule?.width !== d) {
      schedule = schedulePlane(model, small);
      holder.replaceChildren(schedule.root);
    }
    schedule.update();
    losses.update();
    width.value = model.get("widths").indexOf(d);
    step.value = s;
    epsilon.value = model.get("epsilon");
    vocabulary.value = model.get("vocabularies").indexOf(model.get("vocab_size"));
    const now = predict(model.get("epsilon"), model.get("vocab_size"), model.get("gap"));
    bars.update(now);
    const rates = {
      peak: rateOf(d, w, w),
      inverse_sqrt: rateOf(d, w, s),
      cosine: cosineOf(d, w, total, s),
    };
    const numbers = { ...rates, ...now };
    for (const [name, value] of Object.entries(numbers)) el.firstChild.dataset[name] = value;
    rate.textContent = `Warm-up ${grouped(w)} steps, peak ${scientific(rates.peak)}; at step ${grouped(s)} the rate is ${scientific(rates.inverse_sqrt)}.`;
    sure.textContent =
      now.best_gap === Infinity
        ? `Loss ${tx.number(now.loss, 3)}; the least, 0, is never reached.`
        : `Loss ${tx.number(now.loss, 3)}; the least is ${tx.number(now.least, 3)}, at a gap of ${tx.number(now.best_gap, 2)}.`;
    status(
      `Rate ${scientific(rates.inverse_sqrt)} at step ${grouped(s)}. Loss ${tx.number(now.loss, 3)}: ${verdict(now)}`,
    );
    twin.update({
      caption: `Step ${grouped(s)}, warm-up ${grouped(w)}, d_model ${d}; ε ${tx.number(model.get("epsilon"))}, V ${grouped(model.get("vocab_size"))}, gap ${tx.number(model.get("gap"))}`,
      columns: ["number", "value"],
      rows: [
        ["peak of the learning rate, × 1000", 1000 * rates.peak],
        ["the paper's rate here, × 1000", 1000 * rates.inverse_sqrt],
        ["the cosine's rate here, × 1000", 1000 * rates.cosine],
        ["wanted for the right token", now.wanted],
        ["given to the right token", now.given],
        ["loss", now.loss],
        ["least loss", now.least],
        ["best gap", now.best_gap === Infinity ? "∞" : now.best_gap],
        ["pull on the gap", now.pull],
      ],
    });
  });
};

export default { render };
