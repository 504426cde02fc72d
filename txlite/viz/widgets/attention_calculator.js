// The attention calculator: two planes to drag in, the arithmetic of one query, the whole map.

const LIMIT = 3; // the planes reach from −3 to 3
const MOST = 6;
const TRAITS = ["asks", "asked", "query", "key", "value", "d_k", "scaled", "chosen"];

// Words are what spaces separate; Chinese, which has none, is cut into characters.
const wordsOf = (text) => {
  const parts = text.trim().split(/\s+/).filter(Boolean);
  return parts.length === 1 && /\p{Script=Han}/u.test(parts[0]) ? [...parts[0]] : parts;
};

// A word among others: one that runs from right to left does not turn round its neighbours.
const apart = (word) =>
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(word)
    ? `\u2068${word}\u2069`
    : word;
const textOf = (words) => words.join(words.every((w) => /^\p{Script=Han}$/u.test(w)) ? "" : " ");

// Situations worth a look; the first is what the figure starts with.
const examplesFrom = (first) => [
  { label: "I am a student → Je suis étudiant", ...first, chosen: 0 },
  {
    label: "我 爱 中国, asking itself",
    ...first,
    chosen: 1,
    d_k: 2,
    scaled: true,
    asks: ["我", "爱", "中国"],
    asked: ["我", "爱", "中国"],
    query: [[0.5, -2], [0, 2], [-0.5, -2], ...first.query.slice(3)],
    key: [[-1.5, 1.5], [0, -1.5], [1.5, 1.5], ...first.key.slice(3)],
  },
  { label: "Wide, and not divided", ...first, chosen: 0, d_k: 512, scaled: false },
];

const calculate = (model) => {
  const [queries, keys, values] = [
    model.get("query").slice(0, model.get("asks").length),
    model.get("key").slice(0, model.get("asked").length),
    model.get("value").slice(0, model.get("asked").length),
  ];
  const width = model.get("d_k");
  const unseen = model.get("unseen")[width];
  const products = queries.map((q, i) => keys.map((k, j) => tx.dot(q, k) + unseen[i][j]));
  const scale = model.get("scaled") ? Math.sqrt(width) : 1;
  const scores = products.map((row) => row.map((p) => p / scale));
  const weights = scores.map((row) => tx.softmax(row));
  return { queries, keys, values, products, scores, weights, output: tx.matmul(weights, values) };
};

// What is shown, as txlite computes it.
const lines = (model) => {
  const now = calculate(model);
  const [width, scaled] = [model.get("d_k"), model.get("scaled")];
  const more = ", dtype=torch.float64";
  const scale = scaled ? `${width} ** -0.5` : "1.0";
  const hidden = model
    .get("unseen")
    [width].slice(0, now.queries.length)
    .map((row) => row.slice(0, now.keys.length));
  const wide = width > 2;
  return [
    "import torch",
    "",
    "from txlite.nn import attention_weights",
    "",
    tx.assigned("query", now.queries, { more }),
    tx.assigned("key", now.keys, { more }),
    tx.assigned("value", now.values, { more }),
    ...(wide
      ? [
          `# what the ${width - 2} coordinates that are not drawn add to the products`,
          tx.assigned("unseen", hidden, { more }),
        ]
      : []),
    `scale = ${scale}`,
    `weights = attention_weights(query, key, ${wide ? "bias=scale * unseen, " : ""}scale=scale)`,
    "output = weights @ value",
  ].join("\n");
};

// How many words a query attends to, as it were: e to the entropy of its weights.
const spread = (weights) => Math.exp(-tx.sum(weights.map((w) => (w > 0 ? w * Math.log(w) : 0))));
const pair = (v) => `(${tx.number(v[0])}, ${tx.number(v[1])})`;

const square = (label) => {
  const ticks = [-2, 0, 2];
  const plane = tx.plane({
    width: 330,
    height: 320,
    xlim: [-LIMIT, LIMIT],
    ylim: [-LIMIT, LIMIT],
    xticks: ticks,
    yticks: ticks,
  });
  plane.root.setAttribute("viewBox", "0 0 330 300"); // no room for an axis title, which there is not
  plane.lines = plane.root.appendChild(tx.svg("g", { "aria-hidden": "true" }));
  return {
    ...plane,
    figure: tx.html("figure", { class: "tx-plane" }, tx.html("figcaption", {}, label), plane.root),
  };
};

// A vector that can be dragged, with its word beside it: queries' words stand towards the middle,
// the others' away from it.
const vector = (plane, { kind, word, at, onmove, onfocus }) => {
  const text = tx.svg("text", { class: "tx-word", "text-anchor": "middle" }, apart(word));
  const place = (x, y) => {
    const below = kind === "query" ? y >= 0 : y < 0;
    text.setAttribute("x", plane.x(x));
    text.setAttribute("y", plane.y(y) + (below ? 27 : -17));
  };
  const handle = tx.handle(plane, {
    label: `${kind} of ${word}`,
    x: at[0],
    y: at[1],
    step: 0.1,
    color: `var(--tx-${kind})`,
    onmove,
  });
  handle.root.classList.add(`tx-${kind}`);
  if (onfocus) handle.root.addEventListener("focus", onfocus);
  plane.root.append(handle.root, text);
  place(...at);
  return {
    root: handle.root,
    text,
    move: (x, y) => {
      handle.move(x, y);
      place(x, y);
    },
  };
};

const replaced = (list, index, item) => list.map((old, i) => (i === index ? item : old));

const buildPlanes = (model) => {
  const left = square("Queries and keys: who is close to whom?");
  const right = square("Values: what is handed over, and the output");
  const drag = (name, i) => (x, y) =>
    tx.push(model, {
      [name]: replaced(
        model.get(name),
        i,
        [x, y].map((c) => Math.round(c * 100) / 100),
      ),
    });
  const choose = (i) => () => tx.push(model, { chosen: i });
  const keys = model.get("asked").map((word, j) =>
    vector(left, {
      kind: "key",
      word,
      at: model.get("key")[j],
      onmove: drag("key", j),
    }),
  );
  const queries = model.get("asks").map((word, i) =>
    vector(left, {
      kind: "query",
      word,
      at: model.get("query")[i],
      onmove: drag("query", i),
      onfocus: choose(i),
    }),
  );
  const values = model.get("asked").map((word, j) =>
    vector(right, {
      kind: "value",
      word,
      at: model.get("value")[j],
      onmove: drag("value", j),
    }),
  );
  const output = tx.svg("path", { class: "tx-output", d: "M0 -11L11 0L0 11L-11 0Z" });
  const name = tx.svg("text", { class: "tx-word", "text-anchor": "middle" }, "output");
  right.root.append(output, name);
  return { left, right, keys, queries, values, output, name };
};

const beam = (plane, from, to, weight) =>
  tx.svg("line", {
    x1: plane.x(from[0]),
    y1: plane.y(from[1]),
    x2: plane.x(to[0]),
    y2: plane.y(to[1]),
    class: "tx-beam",
    style: `stroke-opacity: ${0.12 + 0.88 * weight}; stroke-width: ${1 + 7 * weight}`,
  });

const drawPlanes = (planes, now, chosen) => {
  const { left, right } = planes;
  const [query, weights, output] = [now.queries[chosen], now.weights[chosen], now.output[chosen]];
  planes.keys.forEach((k, j) => k.move(...now.keys[j]));
  planes.values.forEach((v, j) => v.move(...now.values[j]));
  planes.queries.forEach((q, i) => {
    q.move(...now.queries[i]);
    q.root.classList.toggle("tx-other", i !== chosen);
    q.text.classList.toggle("tx-other", i !== chosen);
  });
  left.lines.replaceChildren(...now.keys.map((k, j) => beam(left, query, k, weights[j])));
  right.lines.replaceChildren(...now.values.map((v, j) => beam(right, v, output, weights[j])));
  planes.output.setAttribute("transform", `translate(${right.x(output[0])} ${right.y(output[1])})`);
  planes.name.setAttribute("x", right.x(output[0]));
  planes.name.setAttribute("y", right.y(output[1]) + (output[1] < 0 ? -18 : 28));
};

const WIDE = new Set(["exp", "value"]); // columns that a phone leaves out

const cell = (name, value, digits = 2) =>
  tx.html("td", { "data-name": name, "data-value": value }, tx.number(value, digits));

// The arithmetic of one query, line by line: the table is the picture and its text in one.
const working = (model, now) => {
  const i = model.get("chosen");
  const [asked, width] = [model.get("asked"), model.get("d_k")];
  const top = model.get("scaled") ? `÷ √${width}` : "÷ 1";
  const powers = now.scores[i].map(Math.exp);
  const rows = asked.map((word, j) =>
    tx.html(
      "tr",
      {},
      tx.html("th", { scope: "row", dir: "auto" }, word),
      cell("product", now.products[i][j]),
      cell("score", now.scores[i][j]),
      tx.html(
        "td",
        { class: "tx-wide", "data-name": "power", "data-value": powers[j] },
        powers[j] < 1e5 ? tx.number(powers[j]) : powers[j].toExponential(1),
      ),
      tx.html(
        "td",
        { class: "tx-bar", "data-name": "weight", "data-value": now.weights[i][j] },
        tx.html(
          "span",
          { style: `--share: ${now.weights[i][j]}` },
          tx.number(now.weights[i][j], 3),
        ),
      ),
      tx.html("td", { class: "tx-wide" }, pair(now.values[j])),
    ),
  );
  const heads = ["", "q · k", top, "exp", "weight", "value"].map((h) =>
    tx.html("th", { scope: "col", class: WIDE.has(h) ? "tx-wide" : null }, h),
  );
  const caption = `${apart(model.get("asks")[i])} asks with q = ${pair(now.queries[i])}`;
  const total = tx.sum(powers);
  const last = tx.html(
    "tr",
    {},
    tx.html("th", { scope: "row" }, "sum"),
    tx.html("td"),
    tx.html("td"),
    tx.html("td", { class: "tx-wide" }, total < 1e5 ? tx.number(total) : total.toExponential(1)),
    tx.html("td", { class: "tx-bar" }, "1.000"),
    tx.html(
      "td",
      { class: "tx-wide", "data-name": "output", "data-value": JSON.stringify(now.output[i]) },
      pair(now.output[i]),
    ),
  );
  return tx.html(
    "table",
    { class: "tx-working" },
    tx.html("caption", {}, caption),
    tx.html("thead", {}, tx.html("tr", {}, heads)),
    tx.html("tbody", {}, rows),
    tx.html("tfoot", {}, last),
  );
};

// The whole map; each row is a button that shows its own arithmetic.
const wholeMap = (model, now) => {
  const rows = model.get("asks").map((word, i) => {
    const pick = tx.html(
      "button",
      {
        type: "button",
        class: "tx-button",
        dir: "auto",
        "data-row": i,
        "aria-pressed": String(i === model.get("chosen")),
        onclick: () => tx.push(model, { chosen: i }),
      },
      word,
    );
    const cells = now.weights[i].map((w) =>
      tx.html(
        "td",
        {
          class: "tx-heat",
          "data-value": w,
          style: `--weight: ${w}`,
        },
        tx.html("span", {}, tx.number(w)),
      ),
    );
    return tx.html("tr", {}, tx.html("th", { scope: "row" }, pick), cells);
  });
  const heads = ["asks ↓ asked →", ...model.get("asked")].map((h) =>
    tx.html("th", { scope: "col", dir: "auto" }, h),
  );
  return tx.html(
    "table",
    { class: "tx-map" },
    tx.html("caption", {}, "All weights; press a word to see its arithmetic"),
    tx.html("thead", {}, tx.html("tr", {}, heads)),
    tx.html("tbody", {}, rows),
  );
};

// What was typed and could not be used as it stands.
const complaint = (typed) =>
  Object.entries(typed)
    .map(([label, { text, last }]) => {
      const list = wordsOf(text);
      if (list.length === 0) return `${label}: type a word; the figure still shows “${last}”.`;
      return list.length > MOST
        ? `${label}: the first ${MOST} of ${list.length} words are used.`
        : "";
    })
    .filter(Boolean)
    .join(" ");

const buildControls = (model, first) => {
  const typed = {};
  const warning = tx.html("p", { class: "tx-warning", role: "alert", hidden: true });
  const warn = () => {
    warning.textContent = complaint(typed);
    warning.hidden = warning.textContent === "";
  };
  const words = (name, label) => {
    const box = tx.textbox({
      label,
      value: textOf(model.get(name)),
      maxlength: 300,
      oninput: (text) => {
        const list = wordsOf(text).slice(0, MOST);
        typed[label] = { text, last: textOf(model.get(name)) };
        warn();
        if (list.length === 0) return;
        const chosen =
          name === "asks" ? Math.min(model.get("chosen"), list.length - 1) : model.get("chosen");
        tx.push(model, { chosen, [name]: list });
      },
    });
    box.input.dir = "auto";
    // What is typed stays while it means these words; else the box says what is shown.
    box.follow = () => {
      const shown = textOf(model.get(name));
      const meant = wordsOf(box.value).slice(0, MOST);
      if (document.activeElement !== box.input && textOf(meant) !== shown) box.value = shown;
      if (textOf(meant) !== shown && typed[label]?.last !== shown) delete typed[label];
    };
    box.restore = () => {
      delete typed[label];
      box.value = textOf(model.get(name));
      warn();
    };
    return box;
  };
  const widths = model.get("widths");
  const asks = words("asks", "Who asks");
  const asked = words("asked", "Who is asked");
  const width = tx.slider({
    label: "d_k",
    min: 0,
    max: widths.length - 1,
    step: 1,
    value: widths.indexOf(model.get("d_k")),
    format: (i) => String(widths[i]),
    oninput: (i) => tx.push(model, { d_k: widths[i] }),
  });
  const scaled = tx.checkbox({
    label: "divide by √d_k",
    value: model.get("scaled"),
    oninput: (on) => tx.push(model, { scaled: on }),
  });
  const examples = examplesFrom(first);
  const restore = () => [asks, asked].forEach((box) => box.restore());
  const begin = (i) => {
    const { label, ...traits } = examples[i];
    tx.push(model, traits);
    restore();
  };
  const choice = tx.select({
    label: "Example",
    options: examples.map(({ label }, i) => ({ value: i, label })),
    value: 0,
    oninput: (i) => begin(Number(i)),
  });
  const follow = () => {
    [asks, asked].forEach((box) => box.follow());
    width.value = widths.indexOf(model.get("d_k"));
    scaled.value = model.get("scaled");
  };
  const again = () => {
    choice.value = 0;
    restore();
  };
  return {
    roots: [choice, asks, asked, width, scaled].map((c) => c.root).concat(warning),
    follow,
    again,
  };
};

const render = ({ model, el }) => {
  let panel = null;
  const { controls, stage, status, watch } = tx.frame(el, model, {
    code: () => lines(model),
    again: () => setTimeout(() => panel.again()), // once the first words are back
    help: "Drag any point, or focus it and use the arrow keys (Shift moves farther, Enter goes to the next point). Type other words.",
  });
  const first = {
    ...Object.fromEntries(TRAITS.map((name) => [name, model.get(name)])),
    ...model.get("frame")?.beginning,
  };
  panel = buildControls(model, first);
  controls.append(...panel.roots);
  const sums = tx.html("div", { class: "tx-scroll" });
  const map = tx.html("div", { class: "tx-scroll" });
  tx.rove(map);
  tx.rove(stage, { items: ".tx-handle", way: tx.ways.enter });
  const note = tx.html("p", { class: "tx-help tx-note" });
  let planes = null;
  let drawn = null; // the words that the planes were built for
  const draw = () => {
    const words = JSON.stringify([model.get("asks"), model.get("asked")]);
    if (words !== drawn) {
      planes = buildPlanes(model);
      stage.replaceChildren(planes.left.figure, planes.right.figure, note, sums, map);
      drawn = words;
    }
    const now = calculate(model);
    const chosen = tx.clamp(model.get("chosen"), 0, model.get("asks").length - 1);
    drawPlanes(planes, now, chosen);
    const focused = document.activeElement?.dataset?.row;
    sums.replaceChildren(working(model, now));
    map.replaceChildren(wholeMap(model, now));
    if (focused != null) map.querySelector(`[data-row="${focused}"]`)?.focus();
    panel.follow();
    const hidden = model.get("d_k") - 2;
    note.textContent =
      hidden === 0
        ? "With d_k = 2 the planes show everything there is."
        : `The left plane shows the first 2 of ${hidden + 2} coordinates; the other ${hidden} are random numbers, drawn once.`;
    const heard = model
      .get("asked")
      .map((word, j) => `${apart(word)} ${tx.percent(now.weights[chosen][j])}`);
    const many = tx.number(spread(now.weights[chosen]), 1);
    status(
      `“${apart(model.get("asks")[chosen])}” attends to ${heard.join(", ")}: as if to ${many} of ${heard.length} words. It receives ${pair(now.output[chosen])}.`,
    );
  };
  return watch(draw);
};

export default { render };
