// The sampling filters: a distribution, four sliders, bars of what is left, and a line to draw from.

const SHOWN = 14;
const FEWER = 8; // on a phone

const lines = (model) => {
  const get = (name) => model.get(name);
  const on = {
    temperature: get("temperature") !== 1,
    top_k: get("top_k") > 0,
    top_p: get("top_p") < 1,
    min_p: get("min_p") > 0,
  };
  const used = Object.keys(on).filter((name) => on[name]);
  return [
    "import torch",
    "",
    ...(used.length ? [`from txlite.generation import ${[...used].sort().join(", ")}`] : []),
    "from txlite.viz.widgets.sampling_filters import SamplingFilters",
    "",
    "figure = SamplingFilters.latest()  # carries what its model said",
    `logits = torch.tensor(figure.scenes[${get("scene")}]["logits"], dtype=torch.float64)`,
    ...used.map((name) => `logits = ${name}(logits, ${get(name)})`),
    "left = logits.softmax(-1)",
  ].join("\n");
};

// All the rare words together would dwarf every other bar: theirs is cut off where it is longer.
const bar = (name, before, after, rank, widest) =>
  tx.bar({ name, before, after, widest, data: { rank } });

// The line that `sample` draws from: each token a stretch as long as its probability.
const lineOf = (ranked, after, words) => {
  const colors = ["blue", "rust", "teal", "pink", "violet", "ochre"];
  const stretch = (share, color, name) =>
    tx.html(
      "span",
      { style: `flex-grow: ${share}; --color: ${color}`, title: name },
      share > 0.09 ? name : "",
    );
  const left = ranked.filter((i) => after[i] > 0);
  const tail = left.slice(40);
  const named = left
    .slice(0, 40)
    .map((i, n) => stretch(after[i], `var(--tx-${colors[n % 6]})`, words[i]));
  const rest = stretch(tx.sum(tail.map((i) => after[i])), "currentColor", "the tail");
  return tx.html(
    "div",
    { class: "tx-line", "aria-hidden": "true" },
    named,
    tail.length ? rest : null,
  );
};

const render = ({ model, el }) => {
  const { controls, stage, foot, status, watch, room } = tx.frame(el, model, {
    code: () => lines(model),
    help: "Thin line: what the model says. Bar: what is left to draw from; that of all the others ends in a dashed edge where it is longer than the rest.",
  });
  const most = room() < 420 ? FEWER : SHOWN;
  const get = (name) => model.get(name);
  const push = (values) => tx.push(model, values);
  const scene = tx.select({
    label: "Next word of",
    value: get("scene"),
    oninput: (i) => push({ scene: Number(i) }),
    options: get("scenes").map((s, i) => ({ value: i, label: s.name })),
  });
  const slider = (label, name, min, max, step, format) =>
    tx.slider({
      label,
      min,
      max,
      step,
      value: get(name),
      format,
      oninput: (v) => push({ [name]: v }),
    });
  const sliders = {
    temperature: slider("Temperature", "temperature", 0.1, 3, 0.05, (v) => tx.number(v)),
    top_k: slider("Top-k", "top_k", 0, 50, 1, (v) => (v === 0 ? "all" : String(v))),
    top_p: slider("Top-p", "top_p", 0, 1, 0.01, (v) => tx.number(v)),
    min_p: slider("Min-p", "min_p", 0, 1, 0.01, (v) => tx.number(v)),
  };
  const reset = tx.button({
    label: "switch all off",
    onclick: () => push({ temperature: 1, top_k: 0, top_p: 1, min_p: 0 }),
  });
  controls.append(scene.root, ...Object.values(sliders).map((s) => s.root), reset.root);
  const bars = tx.html("ol", { class: "tx-tokens" });
  const line = tx.html("div", { class: "tx-line-holder" });
  stage.append(bars, line);
  const twin = tx.twin();
  foot.append(twin.root);
  const draw = () => {
    const { words, logits } = get("scenes")[get("scene")];
    scene.value = get("scene");
    for (const [name, control] of Object.entries(sliders)) control.value = get(name);
    const before = tx.softmax(logits);
    const after = tx.filtered(logits, {
      temperature: get("temperature"),
      topK: get("top_k"),
      topP: get("top_p"),
      minP: get("min_p"),
    });
    const ranked = words.map((_, i) => i).sort((i, j) => logits[j] - logits[i]);
    const [top, rest] = [ranked.slice(0, most), ranked.slice(most)];
    const mass = (p, places) => tx.sum(places.map((i) => p[i]));
    const others = [mass(before, rest), mass(after, rest)];
    const widest = Math.max(...before, ...after);
    bars.replaceChildren(
      ...top.map((i, rank) => bar(words[i], before[i], after[i], rank, widest)),
      bar(`${rest.length} others`, ...others, "rest", widest),
    );
    line.replaceChildren(lineOf(ranked, after, words));
    const left = ranked.filter((i) => after[i] > 0);
    status(
      `${left.length} of ${words.length} words are left. The model gave them ${tx.percent(mass(before, left), 1)} of its belief.`,
    );
    twin.update({
      caption: "The likeliest words",
      columns: ["word", "the model says", "left to draw from"],
      rows: top.map((i) => [words[i], before[i], after[i]]),
    });
  };
  return watch(draw);
};

export default { render };
