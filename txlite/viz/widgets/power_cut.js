// The power cut: the losses of a training that was never cut, and of one that went on from a
// checkpoint of which parts are missing. Every number is one of a real training; see power_cut.py.

const PARTS = ["weights", "optimizer", "data", "chance"];
const SAID = {
  weights: "weights",
  optimizer: "optimiser",
  data: "position in the data",
  chance: "random state",
};

const nameOf = (cut, kept) => `${cut} ${PARTS.map((part) => (kept[part] ? 1 : 0)).join("")}`;

const partingOf = (whole, losses, cut) => {
  const apart = losses.map((loss, i) => loss - whole[cut + i]);
  const first = apart.findIndex((d) => d !== 0);
  return {
    first: first < 0 ? 0 : cut + first + 1,
    largest: Math.max(...apart.map(Math.abs)),
    last: apart.at(-1),
  };
};

const lines = (name, cut) =>
  [
    "from txlite.viz.widgets.power_cut import PowerCut",
    "",
    "figure = PowerCut.latest()  # carries the losses of the trainings",
    `whole, losses = figure.whole[${cut}:], figure.resumed["${name}"]`,
    "apart = [b - a for a, b in zip(whole, losses)]",
    `first = next((n for n, d in enumerate(apart, start=${cut + 1}) if d), 0)`,
    "largest, last = max(map(abs, apart)), apart[-1]",
  ].join("\n");

const listed = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

const verdict = (cut, missing, { first, largest }, steps) => {
  const how = missing.length ? `without ${listed(missing)}` : "with every part";
  const begin = `Cut after step ${cut}, gone on ${how}: `;
  if (first === 0)
    return `${begin}the ${steps - cut} losses that follow are the same, bit for bit.`;
  return `${begin}the losses part at step ${first}, by at most ${tx.number(largest, 3)} nats.`;
};

// The plane with both curves; ticks at round steps and round losses.
const chart = (whole, highest, width) => {
  const top = Math.ceil(highest);
  const every = Math.max(1, Math.ceil(whole.length / 60)) * 10;
  const plane = tx.plane({
    width,
    height: width < 420 ? 240 : 290,
    xlim: [1, whole.length],
    ylim: [0, top],
    xticks: [1, ...tx.range(Math.floor(whole.length / every)).map((i) => (i + 1) * every)],
    yticks: tx.range(top + 1),
    xlabel: "step",
    ylabel: "training loss, in nats",
    label: "The loss of each step of both trainings; the numbers are in the table below.",
  });
  const [cutLine, old, now] = [
    tx.svg("line", { class: "pc-cut", y1: plane.y(0), y2: plane.y(top) }),
    tx.svg("path", { class: "pc-whole" }),
    tx.svg("path", { class: "pc-resumed" }),
  ];
  old.setAttribute("d", plane.line(whole.map((loss, i) => [i + 1, loss])));
  plane.root.append(cutLine, old, now);
  const update = (cut, losses) => {
    const from = [[cut, whole[cut - 1]], ...losses.map((loss, i) => [cut + i + 1, loss])];
    now.setAttribute("d", plane.line(from));
    tx.fill(cutLine, { x1: plane.x(cut), x2: plane.x(cut) }, []);
  };
  return { root: plane.root, update };
};

const key = (cls, text) => tx.html("span", {}, tx.html("i", { class: cls }), text);

const render = ({ model, el }) => {
  const [whole, cuts, resumed] = ["whole", "cuts", "resumed"].map((name) => model.get(name));
  const chosen = () => {
    const cut = cuts[tx.clamp(model.get("cut"), 0, cuts.length - 1)];
    const kept = Object.fromEntries(PARTS.map((part) => [part, model.get(part)]));
    return { cut, kept, name: nameOf(cut, kept) };
  };
  const { controls, stage, lead, foot, status, watch, room } = tx.frame(el, model, {
    code: () => lines(chosen().name, chosen().cut),
    help:
      "Choose when the training is cut, and what the checkpoint holds. What it does not hold begins anew: " +
      "other weights, an empty optimiser, the first batch, another random state. The number of the step is always kept.",
  });
  const slider = tx.slider({
    label: "Cut after step",
    min: 0,
    max: cuts.length - 1,
    step: 1,
    value: model.get("cut"),
    format: (i) => String(cuts[i]),
    oninput: (cut) => tx.push(model, { cut }),
  });
  const boxes = PARTS.map((part) =>
    tx.checkbox({
      label: SAID[part],
      value: model.get(part),
      oninput: (value) => tx.push(model, { [part]: value }),
    }),
  );
  lead.prepend(slider.root);
  controls.append(tx.html("span", {}, "The checkpoint holds:"), ...boxes.map((box) => box.root));
  const highest = Math.max(...whole, ...Object.values(resumed).flat());
  const curves = chart(whole, highest, Math.min(640, Math.round(room())));
  const legend = tx.html(
    "p",
    { class: "pc-legend" },
    key("pc-key-whole", "never cut"),
    key("pc-key-resumed", "cut and gone on"),
  );
  stage.append(tx.html("div", {}, curves.root, legend));
  const twin = tx.twin();
  foot.append(twin.root);
  return watch(() => {
    const { cut, kept, name } = chosen();
    slider.value = cuts.indexOf(cut);
    PARTS.forEach((part, i) => {
      boxes[i].value = kept[part];
    });
    const losses = resumed[name];
    const parting = partingOf(whole, losses, cut);
    for (const [what, value] of Object.entries(parting)) el.firstChild.dataset[what] = value;
    curves.update(cut, losses);
    const missing = PARTS.filter((part) => !kept[part]).map((part) => SAID[part]);
    status(verdict(cut, missing, parting, whole.length));
    twin.update({
      caption: `The losses after the cut at step ${cut}`,
      columns: ["step", "never cut", "cut and gone on"],
      rows: losses.map((loss, i) => [String(cut + i + 1), whole[cut + i], loss]),
    });
  });
};

export default { render };
