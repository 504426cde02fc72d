// The living map: a drawing of the model that opens part by part, and beside it the operation that
// a sentence has come to, with its tensors.

const PACE = 1200; // milliseconds from part to part: the whole model takes about twenty seconds

const NAMES = {
  query: "Q",
  key: "K",
  value: "V",
  z: "Z",
  position: "p",
  sum: "x",
  hidden: "h",
};

const firstOf = (part, steps) => steps.findIndex((step) => inside(part, step));
const tiny = (x) => (x === 0 ? "0" : x >= 0.001 ? x.toPrecision(2) : x.toExponential(0));
const big = (n) => n.toLocaleString("en");

// The steps of the figure as objects, and where in them a reader is.
const stepsOf = (model) =>
  model
    .get("steps")
    .map(([block, kind, parameters, causal]) => ({ block, kind, parameters, causal }));

const placeOf = (model, steps) => {
  const part = model.get("part");
  const step = tx.clamp(model.get("step"), 0, steps.length - 1);
  return steps.length && !inside(part, steps[step]) ? Math.max(0, firstOf(part, steps)) : step;
};

// At the depth that is open: the last step of each part that lights up there, one after another.
const beatsOf = (part, steps, head) => {
  const found = [];
  let before = null;
  steps.forEach((step, i) => {
    if (!inside(part, step)) return;
    const key = lit(part, step, head).join();
    if (key === before) found[found.length - 1] = i;
    else found.push(i);
    before = key;
  });
  return found;
};

// Which tokens are the rows, and which are attended to.
const tokensOf = ({ block }, sentence) => {
  const side = block.startsWith("encoder") ? "source" : "target";
  const attended = block.endsWith("cross_attention") ? "source" : side;
  return { rows: sentence[side], keys: sentence[attended] };
};

// The tensors of the step from the figure, and what this page computes of them, by txlite.
const lines = (model, steps) => {
  if (!steps.length) return "from txlite.viz import drawings\n\ndrawings.model()";
  const at = placeOf(model, steps);
  const { block, kind, causal } = steps[at];
  const { D, H } = model.get("sizes");
  const given = {
    embed: ["x"],
    position: ["x", "position"],
    norm: ["x", "y"],
    project: ["query", "key", "value"],
    weights: ["query", "key"],
    gather: ["query", "key", "value"],
    mix: ["z", "branch"],
    add: ["x", "branch"],
    hidden: ["x", "hidden"],
    down: ["hidden", "branch"],
    logits: ["logits"],
    softmax: ["logits"],
  }[kind];
  const found = [
    "from txlite.viz.widgets.living_map import LivingMap",
    "",
    "figure = LivingMap.latest()  # carries what its model computed, in bytes",
    `figure.walk, figure.step = ${model.get("walk")}, ${at}  # ${block}: ${kind}`,
    ...given.map((name) => `${name} = figure.tensor("${name}")`),
  ];
  const more = {
    position: ["total = x + position"],
    add: ["total = x + branch"],
    softmax: ["probabilities = logits.softmax(-1)"],
  }[kind];
  if (!["weights", "gather"].includes(kind)) return [...found, ...(more ?? [])].join("\n");
  const [from, to] = [model.get("head"), model.get("head") + 1].map((h) => (h * D) / H);
  return [
    "from txlite.nn import attention_weights, masks",
    ...found,
    `own = slice(${from}, ${to})  # the columns of head ${model.get("head") + 1}`,
    `weights = attention_weights(query[:, own], key[:, own]${causal ? ", masks.causal()" : ""})`,
    ...(kind === "gather" ? ["mixed = weights @ value[:, own]  # the head's columns of z"] : []),
  ].join("\n");
};

// What a step shows: nodes, and the table of its numbers.
const picturesOf = ({ step, tensors, part, model, rows, keys, row, column, act }) => {
  const { D, H } = model.get("sizes");
  const head = model.get("head");
  const own = [head, head + 1].map((h) => (h * D) / H);
  const indent = 8 + 13 * Math.max(...[...rows, ...keys].map(tx.breadth)); // all rows begin at one x
  const draw = (name, marked = false) =>
    strip({
      title: NAMES[name] ?? name,
      rows: name === "key" || name === "value" ? keys : rows,
      values: tensors[name],
      indent,
      own: marked ? own : null,
      onpoint: act.say,
    });
  const weights = tensors.weights?.[head];
  const attention = () =>
    map(rows, keys, weights, `Head ${head + 1}: rows are queries, columns are keys`, (i, j) => {
      act.say(`Head ${head + 1}: ${rows[i]} takes ${tx.percent(weights[i][j], 1)} from ${keys[j]}`);
      act.multiply(i, j);
    });
  const marked = (picture) => {
    const cells = picture.querySelectorAll("[data-weight]");
    cells[row * keys.length + column].classList.add("tx-chosen");
    return picture;
  };
  const choice = (label, words, now, choose) =>
    tx.html(
      "div",
      { class: "tx-choice", role: "group", "aria-label": label },
      tx.html("span", {}, label),
      words.map((word, i) => {
        const button = tx.button({ label: word, onclick: () => choose(i) });
        button.input.setAttribute("aria-pressed", String(i === now));
        return button.root;
      }),
    );
  const table = (name) => ({
    caption: NAMES[name] ?? name,
    columns: ["token", ...tensors[name][0].map((_, j) => String(j))],
    rows: tensors[name].map((line, i) => [(name === "key" ? keys : rows)[i], ...line]),
  });
  const ofWeights = () => ({
    caption: "Attention weights",
    columns: ["query", ...keys],
    rows: weights.map((line, i) => [rows[i], ...line]),
  });
  const words = model.get("vocabulary");
  const plus = (a, b) => [draw(a), sign("+"), draw(b), sign("="), draw("sum")];
  const SHOW = {
    embed: () => [[draw("x")], table("x")],
    position: () => [plus("x", "position"), table("sum")],
    norm: () => [[draw("x"), sign("→"), draw("y")], table("y")],
    project: () => [["query", "key", "value"].map((name) => draw(name, true)), table("query")],
    weights: () => [
      part.endsWith(".product")
        ? [
            choice("Query", rows, row, (i) => tx.push(model, { row: i })),
            choice("Key", keys, column, (j) => tx.push(model, { column: j })),
            marked(attention()),
          ]
        : [attention()],
      ofWeights(),
    ],
    gather: () => [
      [attention(), sign("·"), draw("value", true), sign("="), draw("z", true)],
      ofWeights(),
    ],
    mix: () => [[draw("z", true), sign("→"), draw("branch")], table("branch")],
    add: () => [plus("x", "branch"), table("sum")],
    hidden: () => [[draw("x"), sign("→"), draw("hidden")], table("hidden")],
    down: () => [[draw("hidden"), sign("→"), draw("branch")], table("branch")],
    logits: () => [[draw("logits")], table("logits")],
    softmax: () => {
      const chances = tensors.probabilities[row];
      const order = tx
        .range(words.length)
        .sort((a, b) => chances[b] - chances[a])
        .slice(0, 12);
      return [
        [choice("After", rows, row, (i) => tx.push(model, { row: i })), bars(words, chances)],
        {
          caption: `What comes after ${rows[row]}`,
          columns: ["token", "probability"],
          rows: order.map((n) => [words[n], chances[n]]),
        },
      ];
    },
  };
  return SHOW[step.kind]();
};

// The numbers of one product, written into its drawing.
const writeProduct = (drawing, { tensors, head, row, column, sizes }) => {
  const width = sizes.D / sizes.H;
  const cut = (line) => line.slice(head * width, (head + 1) * width);
  const [q, k] = [cut(tensors.query[row]), cut(tensors.key[column])];
  q.forEach((x, i) => {
    drawing.fill(`q.${i}`, tx.number(x));
    drawing.fill(`k.${i}`, tx.number(k[i]));
    drawing.fill(`p.${i}`, tx.number(x * k[i]));
  });
  const weight = tensors.weights[head][row][column];
  const score = tensors.scores[head][row][column];
  drawing.fill("sum", tx.number(tx.dot(q, k)));
  drawing.fill("scaled", tx.number(score));
  drawing.fill("power", weight === 0 ? "masked" : short(Math.exp(score)));
  drawing.fill("weight", tx.number(weight));
};
const short = (x) => {
  if (x < 0.005 || x >= 1e6) return x.toExponential(1).replace("-", "−");
  return x < 1000 ? tx.number(x) : big(Math.round(x));
};

// "xW_Q + b" with the letter lowered.
const formulaOf = (text) =>
  text.split(/_(\w)/).map((piece, i) => (i % 2 ? tx.html("sub", {}, piece) : piece));

// The chapters that explain a part, as the page that holds the figure knows them.
const chaptersOf = (part) => {
  try {
    const known = JSON.parse(document.querySelector("script.tx-chapters")?.textContent ?? "{}");
    return known[explainedBy(part)] ?? [];
  } catch {
    return [];
  }
};

const chapterLinks = (part) => {
  const found = chaptersOf(part);
  if (!found.length) return [];
  const links = found.flatMap(({ number, title, href }, i) => [
    i ? (i === found.length - 1 ? " and " : ", ") : null,
    tx.html("a", { href, title }, String(number)),
  ]);
  return [` Explained in chapter${found.length > 1 ? "s" : ""} `, ...links, "."];
};

const build = (model, frame, act, steps) => {
  const sentences = model.get("sentences");
  const sizes = model.get("sizes");
  const sentence = tx.select({
    label: "Sentence",
    options: sentences.map(({ name }, i) => ({ value: i, label: name })),
    value: model.get("walk"),
    oninput: (v) => tx.push(model, { row: -1, column: 0, walk: Number(v) }),
  });
  const heads = tx
    .range(sizes.H ?? 0)
    .map((h) => tx.button({ label: String(h + 1), onclick: () => tx.push(model, { head: h }) }));
  const group = tx.html(
    "div",
    { class: "tx-control tx-heads", role: "group", "aria-label": "Head" },
    tx.html("span", {}, "Head"),
    heads.map((h) => h.root),
  );
  const last = Math.max(0, steps.length - 1);
  const slider = tx.slider({
    label: "Step",
    min: 0,
    max: last,
    step: 1,
    value: model.get("step"),
    format: (n) => `${n + 1} of ${last + 1}`,
    oninput: act.go,
  });
  const back = tx.button({ label: "‹ back", onclick: () => act.go(act.at() - 1) });
  const next = tx.button({ label: "next ›", onclick: () => act.go(act.at() + 1) });
  const hand = tx.html("div", { class: "tx-control tx-walk" }, back.root, next.root);
  if (steps.length) {
    frame.controls.append(sentence.root, group);
    const player = frame.lead.firstElementChild;
    const buttons = tx.html(
      "div",
      { class: "tx-hand", role: "group", "aria-label": "Play, back and next" },
      player,
      hand,
    );
    frame.lead.append(slider.root, buttons);
    tx.rove(frame.controls);
    tx.rove(buttons);
  }
  const line = tx.html("p", { class: "tx-sentence" });
  const crumbs = tx.html("nav", { class: "tx-crumbs", "aria-label": "What is open" });
  tx.rove(crumbs, { items: "button, a[href]" });
  const hint = tx.html("p", { class: "tx-hint", "aria-hidden": "true" });
  const drawing = drawingHolder({ ondo: act.take, onlook: act.look });
  drawing.root.dataset.effect = "";
  const pictures = tx.html("div", { class: "tx-pictures" });
  tx.rove(pictures);
  const [heading, formula, text, check] = ["heading", "equation", "text", "check-line"].map(
    (name) => tx.html("p", { class: `tx-${name}` }),
  );
  const panel = tx.html("div", { class: "tx-panel" }, heading, formula, text, pictures, check);
  const twin = tx.twin("The drawing in words, its numbers as a table");
  const words = tx.html("ul", { class: "tx-words" });
  twin.root.append(words);
  frame.stage.before(line, crumbs);
  frame.stage.append(tx.html("div", { class: "tx-map-holder" }, drawing.root, hint), panel);
  frame.foot.append(twin.root);
  return {
    ...{ sentence, heads, group, slider, back, next, line, crumbs, hint, drawing, pictures },
    ...{ heading, formula, text, check, panel, twin, words },
  };
};

// What stands in words for something in a drawing.
const described = (model, part, name) => {
  const child = opened(part, name);
  const key = child ? kindOf(child) : `${kindOf(part)}.${name}`;
  const count = model.get("parameters")[key];
  const { words } = model.get("drawings")[drawingOf(part)];
  const said = words.find((one) => one.startsWith(`${name}: `))?.slice(name.length + 2);
  const cost = count ? `${big(count)} parameters` : null;
  return [said, cost].filter(Boolean).join("; ");
};

const render = async ({ model, el }) => {
  const steps = stepsOf(model);
  const sizes = model.get("sizes");
  const computed = new Map(); // by sentence: what each step shows
  let view = null;
  let draw = () => {};
  const part = () =>
    model.get("drawings")[drawingOf(model.get("part"))] ? model.get("part") : "model";
  const act = {
    at: () => placeOf(model, steps),
    go: (n) => {
      const step = tx.clamp(n, 0, steps.length - 1);
      let open = part();
      while (!inside(open, steps[step])) open = parentOf(open);
      tx.push(model, { step, part: open });
    },
    open: (next, focus = null) => {
      const step = steps.length && inside(next, steps[act.at()]) ? act.at() : firstOf(next, steps);
      tx.push(model, { part: next, step: Math.max(0, step) });
      if (focus) view.drawing.focus(focus);
    },
    up: (focus) => {
      const here = part();
      const next = parentOf(here);
      if (next === null) return false;
      const last = here.split(".").at(-1);
      const name = { head: `head ${model.get("head") + 1}`, product: "weights" }[last];
      const layers = /^\w+\.(\d+|norm)$/.test(here) ? here : last;
      act.open(next, focus ? (name ?? layers) : null);
      return true;
    },
    step: (name) =>
      steps.findIndex(
        (one) => inside(part(), one) && lit(part(), one, model.get("head")).includes(name),
      ),
    take: (name, byKey = false) => {
      const next = opened(part(), name);
      if (next === null) return act.go(act.step(name));
      if (name.startsWith("head ")) model.set("head", Number(name.slice(5)) - 1);
      act.open(next);
      if (byKey) view.drawing.focus(null);
      return undefined;
    },
    look: (name) => {
      const said = name === null ? "" : described(model, part(), name);
      view.hint.textContent = said ? `${said}.` : "";
    },
    multiply: (row, column) => {
      const block = steps[act.at()].block;
      tx.push(model, { row, column });
      if (!part().endsWith(".product")) act.open(`${block}.head.product`);
    },
    say: (text) => frame.status(text),
  };
  const beats = () => beatsOf(part(), steps, model.get("head"));
  const play = steps.length && {
    at: () => beats().findIndex((step) => step >= act.at()),
    go: (n) => act.go(beats()[n]),
    last: () => beats().length - 1,
    pace: PACE,
    name: "part after part",
  };
  const frame = tx.frame(el, model, {
    code: () => lines(model, steps),
    play: play || null,
    help: "Click a part to open it, Escape goes back. Play, or go step by step: what is lit is what happens.",
  });
  view = build(model, frame, act, steps);
  frame.root.addEventListener("keydown", (event) => {
    if (!["Escape", "Backspace"].includes(event.key) || event.target.matches("textarea")) return;
    if (act.up(view.drawing.root.contains(event.target))) event.preventDefault();
  });

  // The numbers of a sentence: fetched when it is first wanted.
  const wanted = new Map();
  const load = (walk) => {
    if (!wanted.has(walk)) {
      const id = model.get("states")[walk].replace("IPY_MODEL_", "");
      const arrived = model.widget_manager.get_model(id).then(
        (state) => {
          const numbers = follow(restored(state), steps, sizes.H, model.get("norm_first"));
          computed.set(walk, {
            numbers,
            far: state.get("far"),
            largest: state.get("largest"),
          });
        },
        (error) => {
          wanted.delete(walk);
          view.text.textContent = `The numbers of this sentence could not be fetched: ${error.message}`;
        },
      );
      wanted.set(walk, arrived);
    }
    return wanted.get(walk);
  };
  const chosen = () =>
    tx.clamp(model.get("walk"), 0, Math.max(0, model.get("sentences").length - 1));

  let before = "model";
  const drawDrawing = (sentence) => {
    const open = part();
    const key = drawingOf(open);
    const drawings = model.get("drawings");
    view.drawing.show({
      key: /^\w+\.layer/.test(key) || key.endsWith("norm") ? `${key} ${open}` : key,
      svg: drawings[key].svg,
      words: `${nameOf(open, sizes, model.get("head"))}: parts to open`,
      deeper: open.length >= before.length,
      sizes: sentence ? { ...sizes, S: sentence.source.length, T: sentence.target.length } : {},
      does: (name) => {
        const next = opened(open, name);
        if (next !== null) {
          const number = /^head (\d+)$/.exec(name);
          const said = described(model, open, name);
          const label = nameOf(next, sizes, number ? number[1] - 1 : model.get("head"));
          return `open ${label}${said ? `: ${said}` : ""}`;
        }
        return act.step(name) < 0 ? null : `go to the step at ${name.replace(/_/g, " ")}`;
      },
    });
    before = open;
    const count = model.get("parameters")[kindOf(open)];
    const way = wayTo(open);
    view.crumbs.replaceChildren(
      ...way.flatMap((one, i) => {
        const name = shortName(one, model.get("head"));
        const step = tx.html(
          "button",
          {
            type: "button",
            class: "tx-crumb",
            "aria-current": one === open ? "location" : null,
            onclick: () => act.open(one),
          },
          name,
        );
        return i ? [tx.html("span", { "aria-hidden": "true" }, "›"), step] : [step];
      }),
      tx.html(
        "span",
        { class: "tx-about" },
        count ? `${big(count)} parameters.` : "",
        chapterLinks(open),
      ),
    );
    view.words.replaceChildren(...drawings[key].words.map((one) => tx.html("li", {}, one)));
  };

  const drawStep = (sentence) => {
    const walk = chosen();
    const index = act.at();
    const step = steps[index];
    const head = model.get("head");
    const [name, formula, text] = KIND[step.kind];
    const where = wayTo(step.block).slice(1);
    const told = where.map((one) => nameOf(one, sizes, head)).join(", ");
    view.drawing.light(
      lit(part(), step, head).filter((one, i, all) => {
        const rest = ["encoder", "decoder", "head"];
        return !rest.includes(one) || i === 0 || !view.drawing.drawn(all[0]);
      }),
    );
    view.heading.replaceChildren(tx.html("b", {}, told), ` · ${name}`);
    view.formula.replaceChildren(...formulaOf(formula));
    view.text.textContent = step.causal ? `${text} No row looks ahead: the mask is causal.` : text;
    view.slider.value = index;
    view.sentence.value = walk;
    view.back.input.disabled = index === 0;
    view.next.input.disabled = index === steps.length - 1;
    view.group.hidden = !["project", "weights", "gather", "mix"].includes(step.kind);
    view.heads.forEach((h, i) => h.input.setAttribute("aria-pressed", String(i === head)));
    const cost = step.parameters ? `${big(step.parameters)} parameters` : "no parameters";
    const begin = `Step ${index + 1} of ${steps.length}: ${told}: ${name}`;
    const found = computed.get(walk);
    if (!found) {
      view.pictures.replaceChildren();
      view.check.textContent = "The numbers of this sentence are on their way.";
      frame.status(`${begin}, ${cost}.`);
      load(walk).then(() => computed.has(walk) && chosen() === walk && draw());
      return;
    }
    const tensors = found.numbers[index];
    const { rows, keys } = tokensOf(step, sentence);
    const row =
      model.get("row") < 0 ? rows.length - 1 : Math.min(model.get("row"), rows.length - 1);
    const column = Math.min(model.get("column"), keys.length - 1);
    const shared = { step, tensors, part: part(), model, rows, keys, row, column, head, act };
    const [nodes, table] = picturesOf(shared);
    view.pictures.replaceChildren(...nodes);
    if (part().endsWith(".product")) writeProduct(view.drawing, { ...shared, sizes });
    view.twin.update(table);
    const bytes = step.kind === "logits" ? "halves" : "bytes";
    view.check.textContent = `The numbers have travelled as ${bytes}: here they are at most ${tiny(found.far[index])} from the model's own, the largest of which is ${tx.number(found.largest[index], 1)}.`;
    view.panel.dataset.far = found.far[index];
    const last = Object.values(tensors).at(-1);
    const shape = last[0][0].length === undefined ? last : last[head];
    frame.status(`${begin}. ${shape.length} × ${shape[0].length} numbers, ${cost}.`);
    const logits = found.numbers.at(-1).logits.at(-1);
    const guess = model.get("vocabulary")[logits.indexOf(Math.max(...logits))];
    view.line.replaceChildren(
      sentence.source.join(" "),
      sign(" ⟶ "),
      sentence.target.join(" "),
      sign(" → "),
      tx.html("b", {}, guess),
    );
  };

  draw = () => {
    const sentence = model.get("sentences")[chosen()] ?? null;
    drawDrawing(sentence);
    if (steps.length) drawStep(sentence);
    else {
      view.text.textContent =
        "Here a sentence goes through the model once its chapter has been run.";
      frame.status(`Open: ${nameOf(part(), sizes)}.`);
      view.twin.update({ caption: "Parts", columns: ["part"], rows: [] });
    }
  };
  if (steps.length) await load(chosen());
  return frame.watch(() => draw());
};

export default { render };
