// Emoji search: words are typed and pictures rank, a picture is chosen or drawn and words rank. Both
// towers are in this page; the vectors of the collection came with them.

const [PICTURES, WORDS] = [16, 5]; // how many are shown, of the words in each language

// The same in Python, from the weights that the figure carries.
const wordLines = (query, { causal, pooling, width, bias }) => [
  "config = CLIPTextConfig(**figure.config)",
  "width, heads = config.d_model, config.num_heads",
  "sizes = (config.num_layers, width, heads, config.d_ff)",
  "text = nn.ModuleDict(",
  "    {",
  '        "embedding": TokenEmbedding(config.vocab_size, width, scale=False),',
  '        "positions": PositionScheme("learned", width, heads, max_len=config.max_len),',
  causal
    ? '        "decoder": Decoder(*sizes, cross_attention=False, options=config.layer_options),'
    : '        "encoder": Encoder(*sizes, options=config.layer_options),',
  `        "projection": nn.Linear(width, ${width}, bias=${tx.python(bias)}),`,
  "    }",
  ")",
  'text.double().eval().load_state_dict(figure.part("text."))',
  `tokens = torch.tensor([figure.encode(${tx.python(query)})])`,
  "with torch.no_grad():",
  '    x, positions = text["positions"](text["embedding"](tokens), None)',
  `    states = text["${causal ? "decoder" : "encoder"}"](x, positions=positions)[0]`,
  `    pooled = ${pooling === "mean" ? "states.mean(0)" : "states[-1]"}`,
  '    vector = normalize(text["projection"](pooled), dim=-1)',
  `pictures = (figure.weights.tensors["vectors"].double() @ vector).topk(${PICTURES})`,
];
const pictureLines = (picked, count) => [
  `picture = figure.pixels(figure.pictures["pictures"][${picked}])`,
  "with torch.no_grad():",
  "    vector = normalize(figure.tower()(picture[None])[0], dim=-1)",
  'name_vectors = figure.part("name_vectors.")',
  `words = {code: (name_vectors[code] @ vector).topk(${count}) for code in figure.names}`,
];
const lines = (model, machine, { query, picture }) =>
  [
    "import torch",
    "from torch import nn",
    "from torch.nn.functional import normalize",
    "",
    "from txlite.models import CLIPTextConfig",
    `from txlite.nn import ${machine.told.causal ? "Decoder" : "Encoder"}, TokenEmbedding`,
    "from txlite.nn.positions.scheme import PositionScheme",
    "from txlite.viz.widgets.emoji_search import EmojiSearch",
    "",
    "figure = EmojiSearch.latest()  # carries both towers and the collection's vectors",
    ...(query ? wordLines(model.get("query"), machine.told) : []),
    ...(picture?.picked >= 0
      ? pictureLines(picture.picked, Object.values(picture.ranked)[0].length)
      : ["# What is drawn stays in the page; choose a picture to see its words here."]),
  ].join("\n");

const render = async ({ model, el }) => {
  let [machine, gallery, shown] = [null, null, {}];
  const { controls, stage, foot, status, watch } = tx.frame(el, model, {
    code: () => (machine ? lines(model, machine, shown) : "# The model is not there yet."),
    help: "Type a word in English, French or Chinese: the pictures nearest to it come first. Choose a picture, or draw one: the nearest words follow. Nothing you type or draw leaves this page.",
  });
  const push = (values) => tx.push(model, values);
  const box = tx.textbox({
    label: "Words",
    value: model.get("query"),
    maxlength: LONGEST_TYPED,
    whole: true,
    oninput: (query) => push({ query }),
  });
  const another = tx.button({
    label: "other words",
    onclick: () => {
      const all = model.get("queries");
      push({ query: all[(all.indexOf(model.get("query")) + 1) % all.length] });
    },
  });
  box.root.dataset.control = "";
  controls.append(box.root, another.root);
  another.root.hidden = model.get("queries").length < 2;
  const doubt = tx.doubt();
  const tiles = tx.html("ol", { class: "es-tiles", "data-effect": "" });
  const found = tx.html("section", { class: "es-side" }, tx.html("p", { class: "es-head" }), tiles);
  tx.rove(tiles, { items: ".es-tile" });

  // The other way: a picture of the collection or the pad, and the words.
  const chooser = pictureChooser(model, (picked) => push({ picked }));
  const draws = tx.button({ label: "draw one", onclick: () => push({ picked: -1 }) });
  const which = tx.html(
    "div",
    { class: "es-which", role: "group", "aria-label": "The picture whose words are shown" },
    chooser.root,
    draws.root,
  );
  tx.rove(which);
  const pad = tx.pad({
    label: "Your drawing",
    value: model.get("drawing"),
    inks: INKS,
    paper: PAPER,
    pen: PEN,
    oninput: (drawing) => push({ drawing, picked: -1 }),
  });
  const held = tx.html("div", { class: "es-held" });
  const read = tx.html("p", { class: "es-read" });
  const words = tx.html("div", { class: "es-lists" });
  const looked = tx.html(
    "section",
    { class: "es-side" },
    tx.html("p", { class: "es-head" }, "Words nearest to"),
    which,
    tx.html(
      "div",
      { class: "es-pair" },
      tx.html("div", { class: "es-left" }, held, pad.root, read),
      words,
    ),
  );
  stage.append(doubt.root, found, looked);
  const twin = tx.twin();
  foot.append(twin.root);

  const nameOf = (n) => nameIn(model, n);
  const spoken = (n) => [nameOf(n), model.get("marks")[n]].filter(Boolean).join(", ");

  // What the words find.
  const search = () => {
    const reading = readingOf(model, machine.cutter, model.get("query"));
    stage.dataset.tokens = JSON.stringify(reading.ids);
    doubt.say(
      tx.tokens.doubted(reading.unknown, machine.cutter.sign),
      reading.more ? `The model has no position for the last ${reading.more} tokens.` : "",
    );
    const typed = model.get("query").trim();
    found.firstChild.textContent = reading.empty ? "Type a word" : `Pictures nearest to “${typed}”`;
    if (reading.empty) {
      tiles.replaceChildren();
      return null;
    }
    const scores = machine.scores(machine.text(reading.ids), "vectors");
    const best = nearest(scores, PICTURES);
    const focus = tiles.contains(document.activeElement)
      ? [...tiles.children].findIndex((tile) => tile.contains(document.activeElement))
      : -1;
    tiles.replaceChildren(...best.map(tile));
    if (focus >= 0) tiles.children[Math.min(focus, best.length - 1)].firstChild.focus();
    return { scores, best, typed };
  };
  const tile = ({ at, score }) => {
    const mark = model.get("marks")[at];
    return tx.html(
      "li",
      {},
      tx.html(
        "button",
        {
          type: "button",
          class: mark ? "es-tile es-marked" : "es-tile",
          "aria-pressed": String(at === model.get("picked")),
          "aria-label": `${spoken(at)}, ${tx.number(score)}`,
          "data-picture": at,
          "data-score": score,
          onclick: () => push({ picked: at }),
        },
        gallery.drawn(at),
        tx.html("span", { class: "es-name" }, nameOf(at)),
        tx.html("span", { class: "es-score" }, tx.number(score)),
        mark ? tx.html("span", { class: "es-mark" }, mark) : null,
      ),
    );
  };

  // What the picture finds.
  const look = () => {
    const picked = Math.min(model.get("picked"), gallery.count - 1);
    const byHand = picked < 0;
    draws.input.setAttribute("aria-pressed", String(byHand));
    chooser.value = picked;
    if (pad.value !== model.get("drawing")) pad.value = model.get("drawing");
    [pad.root.hidden, held.hidden] = [!byHand, byHand];
    const empty = byHand && tx.strokes(model.get("drawing")).length === 0;
    const { numbers, canvas } = byHand
      ? gallery.drawing(model.get("drawing"))
      : { numbers: gallery.numbers(picked), canvas: gallery.drawn(picked) };
    held.replaceChildren(byHand ? "" : canvas);
    read.replaceChildren(...(byHand ? ["as the model reads it: ", canvas] : [spoken(picked)]));
    if (empty) {
      words.replaceChildren("Draw something.");
      return null;
    }
    const vector = machine.vision(numbers);
    const scores = Object.fromEntries(
      Object.keys(model.get("names")).map((code) => [
        code,
        machine.scores(vector, `name_vectors.${code}`),
      ]),
    );
    const ranked = Object.fromEntries(
      Object.entries(scores).map(([code, row]) => [code, nearest(row, WORDS)]),
    );
    words.replaceChildren(...wordLists(model, ranked, byHand ? null : model.get("things")[picked]));
    return { picked, ranked, scores };
  };

  const tell = ({ query, picture }) => {
    const parts = [];
    if (query) {
      const [first] = query.best;
      parts.push(`“${query.typed}” is nearest to ${spoken(first.at)} (${tx.number(first.score)}).`);
    }
    if (picture) {
      const [code, [first]] = Object.entries(picture.ranked).sort(
        ([, [a]], [, [b]]) => b.score - a.score,
      )[0];
      const what = picture.picked < 0 ? "Your drawing" : `The picture of ${spoken(picture.picked)}`;
      const word = model.get("names")[code][first.at];
      parts.push(`${what} is nearest to “${word}” (${tx.number(first.score)}).`);
    }
    status(parts.join(" ") || "Type a word, or draw something.");
  };
  const table = ({ query }) =>
    twin.update({
      caption: query ? `The pictures nearest to “${query.typed}”` : "No words are typed",
      columns: ["picture", "cosine", "in training"],
      rows: query
        ? query.best.map(({ at, score }) => [nameOf(at), score, model.get("marks")[at] || "yes"])
        : [],
    });

  const draw = () => {
    if (box.value !== model.get("query")) box.value = model.get("query");
    shown = { query: search(), picture: look() };
    tell(shown);
    table(shown);
  };

  const opened = async () => {
    const weights = await tx.weightsOf(model);
    gallery = await galleryOf(model);
    const scores = (vector, name) => {
      const { shape, data } = weights[name];
      const [count, width] = shape;
      return tx.range(count).map((n) => tx.dot(vector, data.subarray(n * width, (n + 1) * width)));
    };
    const reads = tx.part(weights, "text.");
    const { pooling } = model.get("reading");
    return {
      cutter: cutterOf(model),
      text: tx.textTower(model.get("stack"), reads, pooling),
      vision: tx.imageTower(model.get("layers"), tx.part(weights, "vision.")),
      scores,
      told: {
        causal: !("encoder.layers.0.attention_norm.weight" in reads),
        pooling,
        width: reads["projection.weight"].shape[0],
        bias: "projection.bias" in reads,
      },
    };
  };
  machine = await tx.arrived(status, opened());
  return watch(draw);
};

export default { render };
