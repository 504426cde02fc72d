// The digit pad: what is drawn by hand becomes a picture as the model has learned from, the model in
// this page says which digit it is, and the class token's attention is laid under it.

const FULL = 16; // pixels of a square's bitmap
const [BLOCK, WIDE, DARK] = [4, 5 / 8, 312 / 1024];
const [THIN, STRETCH, HALVINGS] = [2, 1.5, 8];

// The strokes as large as a digit is in its bitmap; txlite.viz.widgets.digit_pad says the same.
const placed = (strokes, side, pen) => {
  const points = strokes.flatMap((stroke) => stroke.points);
  const ends = [0, 1].map((axis) => {
    const all = points.map((point) => point[axis]);
    return [Math.min(...all), Math.max(...all)];
  });
  const room = [side * WIDE - pen, side - pen];
  const most = ends.map(([a, b], axis) => (b > a ? room[axis] / (b - a) : Infinity));
  const least = Math.min(...most) === Infinity ? 1 : Math.min(...most);
  const zoom = most.map((z) => Math.min(z, STRETCH * least));
  const moved = (point) =>
    point.map((v, axis) => side / 2 + (v - (ends[axis][0] + ends[axis][1]) / 2) * zoom[axis]);
  return strokes.map((stroke) => ({ ink: 0, points: stroke.points.map(moved) }));
};

// Dark pixels of each square's 16, with a pen so wide that there are as many as in the digits.
const digitOf = (drawing, size) => {
  const [strokes, side] = [tx.strokes(drawing), BLOCK * size];
  const counts = Array(size * size).fill(0);
  if (strokes.length === 0) return counts;
  let [thin, thick, pixels] = [THIN, (3 * side) / 8, null];
  for (let n = 0; n < HALVINGS; n += 1) {
    const pen = (thin + thick) / 2;
    pixels = tx.inked(placed(strokes, side, pen), { width: side, pen });
    if (tx.sum(pixels) < DARK * side ** 2) thin = pen;
    else thick = pen;
  }
  pixels.forEach((dark, at) => {
    const [i, j] = [Math.floor(at / side), at % side];
    counts[Math.floor(i / BLOCK) * size + Math.floor(j / BLOCK)] += dark;
  });
  return counts;
};

// The same in Python, from the weights that the figure carries.
const lines = (model, counts, size) => {
  const rows = tx.range(size).map((i) => counts.slice(i * size, (i + 1) * size));
  const read =
    model.get("picture") < 0
      ? tx.assigned("counts", rows)
      : `counts = figure.reads(picture=${model.get("picture")})`;
  return [
    "import torch",
    "",
    "from txlite.inspect import record_attention",
    "from txlite.models import ViTConfig, ViTForImageClassification",
    "from txlite.viz.widgets.digit_pad import DigitPad",
    "",
    "figure = DigitPad.latest()  # carries the trained model",
    "model = ViTForImageClassification(ViTConfig(**figure.config)).double().eval()",
    "model.load_state_dict({n: x.double() for n, x in figure.weights.tensors.items()})",
    read,
    `picture = counts.double() * (figure.full / ${FULL})`,
    "with record_attention(model) as maps, torch.no_grad():",
    "    probabilities = model(picture[None, None])[0].softmax(-1)",
    "attention = torch.cat([*maps.values()])  # layers, heads, queries, keys",
    `attention = ${tx.attendedCode(model.get("stack"), model.get("layer"), model.get("head"))}[0]  # of the class token`,
  ].join("\n");
};

// Squares that are filled anew and never made anew: { root, fill(shares) }.
const squares = (size, kind, share = 1) => {
  const side = tx.SHEET / size;
  const all = tx.range(size * size).map((at) =>
    tx.svg("rect", {
      class: kind,
      x: ((at % size) + (1 - share) / 2) * side,
      y: (Math.floor(at / size) + (1 - share) / 2) * side,
      width: side * share,
      height: side * share,
    }),
  );
  const fill = (shares) =>
    all.forEach((node, at) => {
      node.style.fillOpacity = shares[at] ?? 0;
    });
  fill([]);
  return { root: tx.svg("g", {}, all), fill };
};

// A bar for each label, in their order.
const barsOf = (names) => {
  const rows = names.map((name) => {
    const bar = tx.html("span", { class: "tx-after" });
    const share = tx.html("span", { class: "tx-share" });
    const row = tx.html(
      "li",
      {},
      tx.html("span", { class: "tx-name" }, name),
      tx.html("span", { class: "tx-bars", "aria-hidden": "true" }, bar),
      share,
    );
    return { row, bar, share };
  });
  const root = tx.html(
    "ol",
    { class: "tx-tokens dp-bars", "data-effect": "" },
    rows.map(({ row }) => row),
  );
  const update = (probabilities, label) =>
    rows.forEach(({ row, bar, share }, n) => {
      const p = probabilities?.[n] ?? 0;
      row.className = [
        p > 0 && p === Math.max(...probabilities) && "tx-stays",
        n === label && "tx-taken",
      ]
        .filter(Boolean)
        .join(" ");
      row.dataset.after = p;
      bar.style.width = `${100 * p}%`;
      share.textContent = probabilities ? tx.share(p) : "–";
    });
  return { root, update };
};

const render = async ({ model, el }) => {
  const { counts: tests, labels } = tx.tensors(model.get("tests"));
  const [count, size] = tests.shape;
  const names = model.get("names");
  let [machine, answer, read] = [null, null, []];
  const { lead, stage, foot, status, watch } = tx.frame(el, model, {
    code: () => (answer ? lines(model, read, size) : "# Nothing is drawn yet."),
    help: "Draw a digit, with a mouse, a finger or the keys; it replaces the test picture. The model in this page says which one it is. Nothing you draw leaves this page.",
  });
  const pad = tx.pad({
    label: "Your digit",
    oninput: (drawing) => tx.push(model, { picture: -1, drawing }),
  });
  const next = tx.button({
    label: "next test picture",
    onclick: () => tx.push(model, { drawing: "", picture: (model.get("picture") + 1) % count }),
  });
  lead.append(next.root);
  const shown = squares(size, "dp-ink");
  pad.under.append(shown.root);
  const side = Math.round(Math.sqrt(patchesOf(model, size)));
  const tint = squares(side, "dp-patch");
  const ink = squares(size, "dp-ink", 0.64);
  const board = tx.svg(
    "svg",
    { class: "dp-board", viewBox: `0 0 ${tx.SHEET} ${tx.SHEET}`, role: "img" },
    tint.root,
    ink.root,
  );
  const bars = barsOf(names);
  const whose = tx.whoseAttention(model, model.get("stack"));
  stage.append(
    pad.root,
    tx.html(
      "div",
      { class: "dp-read" },
      board,
      tx.html("p", {}, "what the model reads, and where its class token attends"),
    ),
    bars.root,
    whose.root,
  );
  const [chances, places] = [tx.twin("Probabilities as a table"), tx.twin("Attention as a table")];
  foot.append(chances.root, places.root);

  // What it is read as, and with which attention: computed where the picture is another one.
  const answered = (counts) => {
    if (String(counts) === String(read)) return;
    read = counts;
    answer = null;
    if (!counts.some(Boolean)) return;
    const { logits, self, before } = machine(
      counts.map((c) => (c * model.get("full")) / FULL),
      size,
    );
    const maps = self.map((heads) => heads.map((map) => map[0]));
    answer = { probabilities: tx.softmax(Array.from(logits)), maps, before };
  };
  const told = (picture) => {
    const ranked = names.map((_, n) => n);
    ranked.sort((a, b) => answer.probabilities[b] - answer.probabilities[a] || a - b);
    const [best, second] = ranked.map((n) => `${names[n]} (${tx.share(answer.probabilities[n])})`);
    const label = labels.data[picture];
    return picture < 0
      ? `Most probably ${best}, then ${second}.`
      : `Test picture ${picture + 1} of ${count}, a ${names[label]}: most probably ${best}, ${ranked[0] === label ? "right" : "wrong"}.`;
  };
  const draw = () => {
    const picture = Math.min(model.get("picture"), count - 1);
    const drawing = picture < 0 ? model.get("drawing") : "";
    pad.value = drawing;
    whose.update();
    const step = size * size;
    const test =
      picture < 0 ? [] : Array.from(tests.data.slice(picture * step, (picture + 1) * step));
    shown.fill(test.map((c) => c / FULL));
    answered(picture < 0 ? digitOf(drawing, size) : test);
    ink.fill(read.map((c) => c / FULL));
    bars.update(answer?.probabilities, labels.data[picture]);
    stage.dataset.counts = JSON.stringify(read);
    if (!answer) {
      tint.fill([]);
      board.setAttribute("aria-label", "Nothing is drawn");
      for (const twin of [chances, places])
        twin.update({ caption: "Nothing is drawn", columns: ["", ""], rows: [] });
      delete stage.dataset.weights;
      return status("Draw a digit.");
    }
    const weights = tx.attended(answer.maps, model.get("layer"), model.get("head"));
    const patches = weights.slice(answer.before);
    tint.fill(patches.map((w) => w / Math.max(...patches)));
    const spot = (p) => `row ${Math.floor(p / side) + 1}, column ${(p % side) + 1}`;
    const named = (s) =>
      s >= answer.before ? spot(s - answer.before) : s ? `token ${s + 1}` : "itself";
    const [first, second] = tx
      .mostAttended(weights)
      .map((s) => `${named(s)} (${tx.percent(weights[s])})`);
    const where = `${first}, then to ${second}`;
    board.setAttribute(
      "aria-label",
      `What the model reads, as ${size} by ${size} squares; its class token attends most to ${where}`,
    );
    status(`${told(picture)} The class token attends most to ${where}.`);
    stage.dataset.weights = JSON.stringify(weights);
    chances.update({
      caption: "What the model expects",
      columns: ["digit", "probability"],
      rows: names.map((name, n) => [name, answer.probabilities[n]]),
    });
    return places.update({
      caption: "What the class token attends to",
      columns: ["position", "attention"],
      rows: weights.map((w, s) => [named(s), w]),
    });
  };

  machine = tx.vit(model.get("stack"), await tx.arrived(status, tx.weightsOf(model)));
  return watch(draw);
};

const patchesOf = (model, size) => (size / model.get("config").patch_size) ** 2;

export default { render };
