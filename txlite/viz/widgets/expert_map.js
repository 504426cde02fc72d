// The map of experts: a text byte by byte, each in the colour of the expert that takes it; what a
// capacity drops, and how sure the router is.

const COLOURS = ["blue", "rust", "teal", "pink", "violet", "ochre"];

// Experts beyond the sixth have the same colours in stripes.
const ownLook = (expert) => {
  const colour = `--own: var(--tx-${COLOURS[expert % COLOURS.length]})`;
  return { style: colour, striped: expert >= COLOURS.length };
};

// A byte before a person: what ASCII shows, a sign for what it does not, else its two digits.
const byteShown = (byte) => {
  if (byte === 10) return "↵";
  if (byte === 32) return "␣";
  return byte > 32 && byte < 127
    ? String.fromCharCode(byte)
    : byte.toString(16).toUpperCase().padStart(2, "0");
};
const byteSpoken = (byte) =>
  byte === 32 ? "space" : byte === 10 ? "new line" : `“${byteShown(byte)}”`;

// Bits that the model needs for each byte after the first.
const bitsOf = (logits, bytes) => {
  const size = logits.length / bytes.length;
  const costs = bytes.slice(1).map((byte, t) => {
    const row = Array.from(logits.slice(t * size, (t + 1) * size));
    const top = Math.max(...row);
    const total = tx.sum(row.map((score) => Math.exp(score - top)));
    return (Math.log(total) + top - row[byte]) / Math.LN2;
  });
  return costs.length ? tx.sum(costs) / costs.length : null;
};

// What a layer's experts are asked for, and what they do: { asked, rows, dropped }.
const loadOf = ({ experts, placed }, count) => {
  const [asked, rows] = [Array(count).fill(0), Array(count).fill(0)];
  experts.forEach((expert, t) => {
    asked[expert] += 1;
    if (placed[t]) rows[expert] += 1;
  });
  return { asked, rows, dropped: tx.sum(asked) - tx.sum(rows) };
};

// The same in Python, from the weights that the figure carries.
const lines = (model, layer, factor) =>
  [
    "import math",
    "",
    "import torch",
    "from torch.nn.functional import cross_entropy",
    "",
    "from txlite.inspect import expert_load, record_routing",
    "from txlite.models import GPTWithExperts, GPTWithExpertsConfig",
    "from txlite.viz.widgets.expert_map import ExpertMap",
    "",
    "figure = ExpertMap.latest()  # carries the trained model",
    `factor = ${factor.toFixed(2)}  # of the capacity`,
    "config = GPTWithExpertsConfig(**figure.config, capacity_factor=factor)",
    "model = GPTWithExperts(config).double().eval()",
    "model.load_state_dict({n: x.double() for n, x in figure.weights.tensors.items()})",
    `tokens = torch.tensor([figure.encode(${tx.python(model.get("text"))})])`,
    "with record_routing(model) as routings, torch.no_grad():",
    "    logits = model(tokens)[0]",
    `routing = routings["decoder.layers.${layer}.feed_forward"]`,
    "experts, gates = routing.experts[0, :, 0], routing.gates[0, :, 0]",
    "probabilities, placed = routing.probabilities[0], routing.placed[0, :, 0]",
    "shares, rows, dropped = expert_load(routing)",
    "bits = cross_entropy(logits[:-1], tokens[0, 1:]) / math.log(2.0)",
  ].join("\n");

const render = async ({ model, el }) => {
  const [room, count, sparse] = ["room", "experts", "layers"].map((name) => model.get(name));
  let [network, bytes, read, pointed] = [null, [], null, null];
  const layer = () => (sparse.includes(model.get("layer")) ? model.get("layer") : sparse[0]);
  const factor = () => Math.min(count, Math.round(4 * model.get("capacity_factor")) / 4);
  const { controls, stage, lead, foot, status, watch } = tx.frame(el, model, {
    code: () => (read ? lines(model, layer(), factor()) : "# There is no byte yet: type a text."),
    help: "Each byte stands over the number of the expert that takes it. A byte whose expert is full is struck out: the layer hands it on unchanged. Choose a byte to see how sure the router is. Nothing you type leaves this page.",
  });
  // A line of text has no line ends in it: they stand there as signs.
  const typed = (text) => text.replaceAll("\n", "↵");
  const box = tx.textbox({
    label: "Text",
    value: typed(model.get("text")),
    maxlength: room,
    whole: true,
    oninput: (text) => tx.push(model, { text: text.replaceAll("↵", "\n"), byte: 0 }),
  });
  let example = 0;
  const another = tx.button({
    label: "another text",
    onclick: () => {
      const all = model.get("examples");
      example = (example + 1) % all.length;
      tx.push(model, { text: all[example], byte: 0 });
    },
  });
  another.root.hidden = model.get("examples").length < 2;
  const which = tx.select({
    label: "Experts of",
    value: layer(),
    options: sparse.map((n) => ({ value: n, label: `layer ${n + 1}` })),
    oninput: (value) => tx.push(model, { layer: Number(value) }),
  });
  controls.append(box.root, another.root);
  if (sparse.length > 1) controls.append(which.root);
  const slider = tx.slider({
    label: "Capacity factor",
    min: 0.25,
    max: count,
    step: 0.25,
    value: factor(),
    format: (x) => (x >= count ? "all" : tx.number(x)),
    oninput: (value) => tx.push(model, { capacity_factor: value }),
  });
  slider.input.dataset.control = "";
  lead.append(slider.root);

  const doubt = tx.doubt();
  const text = tx.html("div", {
    class: "em-text",
    role: "group",
    "aria-label": "The text, byte by byte: a pressed byte is looked at",
    "data-effect": "",
  });
  tx.rove(text, { items: ".em-byte" });
  const column = (heading) => {
    const [head, list] = [
      tx.html("p", { class: "em-head" }, heading),
      tx.html("ol", { class: "tx-tokens em-bars" }),
    ];
    return { root: tx.html("div", {}, head, list), head, list };
  };
  const spread = column("Share of the bytes. Line: asked for. Bar: computed.");
  const sure = column("");
  stage.append(doubt.root, text, tx.html("div", { class: "em-columns" }, spread.root, sure.root));
  const twin = tx.twin();
  foot.append(twin.root);

  const bar = (expert, options) => {
    const { style, striped } = ownLook(expert);
    const row = tx.bar({ name: `expert ${expert}`, data: { expert }, ...options });
    row.setAttribute("style", style);
    row.classList.toggle("em-striped", striped);
    return row;
  };
  const chosen = () => Math.min(model.get("byte"), bytes.length - 1);
  const routing = () => read.routed[layer()];

  // Buttons for the bytes, made anew where the text has changed.
  let shown = null;
  const write = () => {
    const key = JSON.stringify(bytes);
    if (key === shown) return;
    const button = (byte, t) =>
      tx.html(
        "button",
        {
          type: "button",
          class: "em-byte",
          "data-byte": t,
          onclick: () => tx.push(model, { byte: t }),
          onfocus: () => point(t),
          onblur: () => point(null),
          onpointerenter: ({ pointerType }) => pointerType === "mouse" && point(t),
          onpointerleave: () => point(null),
        },
        tx.html("span", { class: "em-sign" }, byteShown(byte)),
        tx.html("span", { class: "em-expert" }),
      );
    text.replaceChildren(
      ...bytes.flatMap((byte, t) =>
        byte === 10 ? [button(byte, t), tx.html("span", { class: "em-end" })] : button(byte, t),
      ),
    );
    shown = key;
  };
  const colour = () => {
    const { experts, placed, probabilities } = routing();
    text.querySelectorAll(".em-byte").forEach((node, t) => {
      const { style, striped } = ownLook(experts[t]);
      node.setAttribute("style", style);
      node.classList.toggle("em-striped", striped);
      node.classList.toggle("em-dropped", !placed[t]);
      node.lastChild.textContent = experts[t];
      Object.assign(node.dataset, { expert: experts[t], placed: Number(placed[t]) });
      node.setAttribute("aria-pressed", String(t === chosen()));
      const where = `expert ${experts[t]}, ${tx.percent(probabilities[t][experts[t]])}`;
      node.setAttribute(
        "aria-label",
        `${byteSpoken(bytes[t])}: ${where}${placed[t] ? "" : ", dropped"}`,
      );
    });
  };
  // How sure the router is of one byte: of the one that is pointed at, or of the chosen one.
  const lookAt = (t) => {
    const { experts, probabilities } = routing();
    const others = sparse
      .filter((n) => n !== layer())
      .map((n) => {
        const { experts: theirs, probabilities: p } = read.routed[n];
        return `layer ${n + 1}: expert ${theirs[t]} (${tx.percent(p[t][theirs[t]])})`;
      });
    sure.head.textContent = `Router of layer ${layer() + 1} for ${byteSpoken(bytes[t])}, byte ${t + 1}${others.length ? `; in ${others.join(", ")}` : ""}`;
    sure.list.replaceChildren(
      ...probabilities[t].map((p, i) => bar(i, { after: p, taken: i === experts[t] })),
    );
    Object.assign(stage.dataset, { byte: t, probabilities: JSON.stringify(probabilities[t]) });
  };
  const point = (t) => {
    pointed = t;
    if (read) lookAt(Math.min(pointed ?? chosen(), bytes.length - 1));
  };
  const tell = (capacity) => {
    const { asked, rows, dropped } = loadOf(routing(), count);
    const [T, most] = [bytes.length, Math.max(...asked)];
    spread.list.replaceChildren(
      ...asked.map((n, i) => bar(i, { before: n / T, after: rows[i] / T, widest: most / T })),
    );
    const bits = bitsOf(read.logits, bytes);
    const cost = bits === null ? "" : ` ${tx.number(bits)} bits a byte.`;
    status(
      `Expert ${asked.indexOf(most)} is asked for ${tx.percent(most / T)} of the bytes. Each has room for ${Math.min(capacity, T)} of ${T}: ${dropped || "none"} dropped.${cost}`,
    );
    const { experts, placed, probabilities } = routing();
    const told = { shares: asked.map((n) => n / T), rows, dropped, bits, experts, placed };
    for (const [name, value] of Object.entries(told)) stage.dataset[name] = JSON.stringify(value);
    twin.update({
      caption: `The experts of layer ${layer() + 1}`,
      columns: ["byte", "sign", "expert", "gate", "computed"],
      rows: bytes.map((byte, t) => [
        String(t + 1),
        byteShown(byte),
        String(experts[t]),
        probabilities[t][experts[t]],
        placed[t] ? "yes" : "dropped",
      ]),
    });
  };
  const rest = () => {
    read = null;
    for (const list of [spread.list, sure.list]) list.replaceChildren();
    sure.head.textContent = "";
    twin.update({ caption: "There is no byte", columns: ["byte"], rows: [] });
    status("Type a text.");
  };
  const draw = () => {
    const all = [...new TextEncoder().encode(model.get("text"))];
    bytes = all.slice(0, room);
    if (box.value !== typed(model.get("text"))) box.value = typed(model.get("text"));
    which.value = layer();
    slider.value = factor();
    doubt.say(
      all.length > room ? `The last ${all.length - room} of ${all.length} bytes are not read.` : "",
    );
    write();
    stage.dataset.tokens = JSON.stringify(bytes);
    if (!bytes.length) return rest();
    const capacity = tx.nn.capacity(bytes.length, count, factor());
    read = network.decode(bytes, { capacity });
    colour();
    lookAt(chosen());
    return tell(capacity);
  };

  network = tx.transformer(model.get("stack"), await tx.arrived(status, tx.weightsOf(model)));
  return watch(draw);
};

export default { render };
