// The scene detector: a hand moves things in a picture, the DETR in this page finds them, and each of
// its queries shows what it attends to.

// The same in Python, from the weights that the figure carries.
const lines = (model, query) =>
  [
    "import torch",
    "",
    "from txlite.inspect import record_attention",
    "from txlite.models import DETR, DETRConfig",
    "from txlite.viz.widgets.scene_detector import SceneDetector",
    "",
    "figure = SceneDetector.latest()  # carries the trained model and the scenes",
    "backbone = figure.backbone()  # with its weights",
    "model = DETR(DETRConfig(**figure.config), backbone=backbone).double().eval()",
    "model.load_state_dict(figure.part(), strict=False)",
    `figure.scene, figure.moved = ${model.get("scene")}, ${tx.python(model.get("moved"))}`,
    "with record_attention(model) as maps, torch.no_grad():",
    "    found = model(figure.picture()[None])",
    "probabilities, boxes = found.logits[0].softmax(-1), found.boxes[0]",
    'cross = [maps[f"decoder.layers.{n}.cross_attention"] for n in range(len(model.decoder.layers))]',
    "attention = torch.cat(cross)  # layers, heads, queries, points",
    `attention = ${tx.attendedCode(model.get("stack"), model.get("layer"), model.get("head"))}[${query}]`,
  ].join("\n");

const render = async ({ model, el }) => {
  let [machine, scenes, answer, filled] = [null, null, null, null];
  const { controls, stage, foot, status, watch } = tx.frame(el, model, {
    code: () => (answer ? lines(model, answer.query) : "# The model is not there yet."),
    help: "Drag a thing, or move it by the arrow keys (Enter goes to the next one): the model in this page computes anew. Choose a query to see its box and what it attends to.",
  });
  const push = (values) => tx.push(model, values);
  const scene = () => Math.min(model.get("scene"), model.get("names").length - 1);
  const count = (n) => scenes[n].labels.data.length;

  // Where the things are: where a hand has moved them, or where they begin.
  const squares = () => {
    const [begin, moved] = [tx.nested(scenes[scene()].squares), model.get("moved")];
    const fits =
      moved.length === begin.length &&
      moved.every((row) => row.length === 3 && row.every(Number.isFinite) && row[2] > 0);
    return fits ? moved : begin;
  };
  const thing = () => Math.min(model.get("thing"), count(scene()) - 1);
  const moveTo = (m, square) =>
    push({ moved: squares().map((now, other) => (other === m ? square : now)), thing: m });

  const chooser = tx.select({
    label: "Scene",
    options: model.get("names").map((label, value) => ({ value, label })),
    value: model.get("scene"),
    oninput: (v) => push({ scene: Number(v), moved: [], thing: 0, query: -1 }),
  });
  const [least, most] = model.get("sides");
  const size = tx.slider({
    label: "Size",
    min: least,
    max: most,
    step: 0.01,
    value: least,
    format: (v) => tx.percent(v),
    oninput: (side) => {
      const [x, y, was] = squares()[thing()];
      moveTo(thing(), [x + (was - side) / 2, y + (was - side) / 2, side]);
    },
  });
  const threshold = tx.slider({
    label: "Boxes from",
    min: 0,
    max: 1,
    step: 0.01,
    value: model.get("threshold"),
    format: (v) => tx.percent(v),
    oninput: (v) => push({ threshold: v }),
  });
  const sliders = tx.html(
    "div",
    { class: "tx-row", role: "group", "aria-label": "The chosen thing, and which boxes are drawn" },
    size.root,
    threshold.root,
  );
  tx.rove(sliders);
  controls.append(chooser.root, sliders);
  chooser.root.hidden = model.get("names").length < 2;
  const view = sceneView({
    onmove: moveTo,
    onchoose: (m) => m !== model.get("thing") && push({ thing: m }),
  });
  const head = tx.html("p", { class: "sd-head" }, "What each query says");
  const queries = tx.html("ol", { class: "sd-queries" });
  tx.rove(queries, { items: ".sd-query" });
  const whose = tx.whoseAttention(model, model.get("stack"));
  stage.append(view.root, tx.html("div", { class: "sd-side" }, head, queries, whose.root));
  const twin = tx.twin("What each query says, as a table");
  foot.append(twin.root);

  // { name, probability, label }: the likeliest of a query's classes, no object being one of them.
  const best = ({ probabilities }) => {
    const label = probabilities.indexOf(Math.max(...probabilities));
    const nothing = label === probabilities.length - 1;
    return {
      label: nothing ? null : label,
      name: nothing ? "no object" : model.get("classes")[label],
      probability: probabilities[label],
    };
  };
  // Its likeliest object: what is drawn where it is likely enough.
  const object = ({ probabilities, box }, query) => {
    const objects = probabilities.slice(0, -1);
    const label = objects.indexOf(Math.max(...objects));
    return { query, label, name: model.get("classes")[label], probability: objects[label], box };
  };

  const list = (found, chosen) => {
    const rows = found.map((one, q) => {
      const { name, probability, label } = best(one);
      return { q, name, probability, label };
    });
    while (queries.children.length > rows.length) queries.lastChild.remove();
    rows.forEach(({ q, name, probability, label }) => {
      const item =
        queries.children[q] ??
        queries.appendChild(
          tx.html(
            "li",
            {},
            tx.html("button", {
              type: "button",
              class: "sd-query",
              "data-query": q,
              onclick: () => push({ query: q }),
            }),
          ),
        );
      const button = item.firstChild;
      button.replaceChildren(
        tx.html("span", { class: "sd-number" }, String(q + 1)),
        tx.html("span", { class: "sd-name" }, name),
        tx.html("span", { class: "sd-share" }, tx.percent(probability)),
      );
      button.setAttribute("aria-pressed", String(q === chosen));
      button.setAttribute("aria-label", `query ${q + 1}: ${name}, ${tx.percent(probability)}`);
      button.classList.toggle("sd-nothing", label === null);
      button.style.setProperty("--share", label === null ? 0 : probability);
    });
  };

  const draw = () => {
    const parts = scenes[scene()];
    const [now, names] = [squares(), model.get("classes")];
    const labels = Array.from(parts.labels.data);
    if (filled !== scene()) {
      view.fill(
        labels.map((label) => names[label]),
        1 / parts.background.shape[2],
      );
      filled = scene();
    }
    const picture = composed(parts, now);
    const { found, cross, grid } = machine(picture);
    const objects = found.map(object);
    const surest = objects.reduce((a, b) => (b.probability > a.probability ? b : a)).query;
    const query = model.get("query") < 0 ? surest : Math.min(model.get("query"), found.length - 1);
    const weights = tx.attended(
      cross.map((heads) => heads.map((map) => map[query])),
      model.get("layer"),
      model.get("head"),
    );
    answer = { query };
    const drawn = objects.filter(({ probability }) => probability >= model.get("threshold"));
    const shown = drawn.some((one) => one.query === query) ? drawn : [...drawn, objects[query]];
    chooser.value = scene();
    [size.value, threshold.value] = [now[thing()][2], model.get("threshold")];
    whose.update();
    view.paint(picture);
    view.light(weights, grid);
    view.outline(shown, query);
    view.place(now, thing());
    list(found, query);
    const edges = tx.nested(parts.edges);
    const seen = labels.filter((label, m) =>
      drawn.some(
        (one) => one.label === label && overlap(cornersOf(one.box), inkOf(now[m], edges[m])) >= 0.5,
      ),
    );
    const { name, probability } = best(found[query]);
    const top = tx.mostAttended(weights, 1)[0];
    status(
      `Found: ${seen.length} of ${labels.length} things, in boxes from ${tx.percent(model.get("threshold"))}. ` +
        `Query ${query + 1} says ${name} (${tx.percent(probability)}), and attends most to row ${Math.floor(top / grid[1]) + 1}, column ${(top % grid[1]) + 1} of ${grid.join(" × ")}.`,
    );
    Object.assign(stage.dataset, {
      query,
      probabilities: JSON.stringify(found.map(({ probabilities }) => probabilities)),
      boxes: JSON.stringify(found.map(({ box }) => box)),
      weights: JSON.stringify(weights),
    });
    twin.update({
      caption: "What each query says, and its box as shares of the picture",
      columns: [
        "query",
        "says",
        "probability",
        "middle, across",
        "middle, down",
        "width",
        "height",
      ],
      rows: found.map((one, q) => {
        const { name: said, probability: sure } = best(one);
        return [String(q + 1), said, sure, ...one.box];
      }),
    });
  };

  const opened = async () => {
    const weights = await tx.weightsOf(model);
    const all = tx.tensors(model.get("scenes"));
    scenes = model.get("names").map((_, n) => tx.part(all, `${n}.`));
    return tx.detr(model.get("stack"), model.get("layers"), weights);
  };
  machine = await tx.arrived(status, opened());
  return watch(draw);
};

export default { render };
