// The mask painter. `allowed[i][j]` is true where query i may attend to key j; rows are queries.
const RULES = [
  { name: "causal", test: () => (i, j) => j <= i, code: () => "causal()" },
  {
    name: "sliding_window",
    size: 3,
    test: (n) => (i, j) => Math.abs(i - j) < n,
    code: (n) => `sliding_window(${n})`,
  },
  {
    name: "blocks",
    size: 3,
    test: (n) => (i, j) => Math.floor(i / n) === Math.floor(j / n),
    code: (n) => `blocks(${n})`,
  },
];
const OFF = { causal: "", sliding_window: "", blocks: "" };
const PRESETS = [
  { label: "no mask", on: OFF },
  { label: "a writer", on: { ...OFF, causal: "+" } },
  { label: "short memory", on: { ...OFF, causal: "+", sliding_window: "+" } },
  { label: "packed texts", on: { ...OFF, causal: "+", blocks: "+" } },
  { label: "only the others", on: { ...OFF, sliding_window: "~" }, size: 1 },
  { label: "only the future", on: { ...OFF, causal: "~" } },
];
const FILLS = [
  { value: "zero", label: "−∞ before the softmax, empty rows 0 (txlite)" },
  { value: "inf", label: "−∞ before the softmax, and nothing else" },
  { value: "1e9", label: "−1 000 000 000 before the softmax" },
  { value: "after", label: "0 after the softmax" },
];

// The weights of one row; Python's filled_softmax computes the same.
const weigh = (scores, allowed, fill) => {
  if (fill === "zero") return tx.softmax(scores, allowed);
  if (fill === "after") return tx.softmax(scores).map((w, j) => (allowed[j] ? w : 0));
  if (fill === "1e9") return tx.softmax(scores.map((s, j) => (allowed[j] ? s : -1e9)));
  return allowed.some(Boolean) ? tx.softmax(scores, allowed) : scores.map(() => NaN);
};

// All that is shown, as txlite computes it.
const lines = (state, scene, place) => {
  const n = scene.words.length;
  const code = program(state, n);
  const rules = [...RULES.map(({ name }) => name), "padding"]
    .filter((name) => code.includes(`${name}(`))
    .sort();
  const table = rules.length ? `mask.to_tensor(${n}, ${n}).reshape(${n}, ${n})` : "mask";
  return [
    "import torch",
    "",
    ...(rules.length ? [`from txlite.nn.masks import ${rules.join(", ")}`] : []),
    "from txlite.viz.widgets.mask_painter import MaskPainter, filled_softmax",
    "",
    "figure = MaskPainter.latest()  # carries the scores of its texts",
    `scores = torch.tensor(figure.scenes[${place}]["scores"], dtype=torch.float64)`,
    code,
    `allowed = ${code.endsWith("mask = None") ? `torch.ones(${n}, ${n}, dtype=torch.bool)` : table}`,
    `weights = filled_softmax(scores, allowed, "${state.fill}")`,
  ].join("\n");
};

// What the reader has chosen: `on` holds "", "+" or "~" for each rule, `paint` what a cell must be.
const fresh = (scene) => ({
  on: { ...OFF, causal: "+" },
  size: { sliding_window: 3, blocks: 3 },
  join: "&",
  padding: scene.keep.includes(false),
  keep: [...scene.keep],
  paint: new Map(),
  fill: "zero",
  row: 1,
});

// The same as plain values, as the trait `painting` keeps it, and back.
const kept = (state, scene, scenes) => ({
  ...state,
  scene: scenes.indexOf(scene),
  paint: [...state.paint],
});
const opened = ({ scene: _, ...last }, scene) => ({
  ...fresh(scene),
  ...last,
  on: { ...last.on },
  size: { ...last.size },
  keep: [...last.keep],
  paint: new Map(last.paint),
});

const ruled = (state, i, j) => {
  const said = RULES.filter(({ name }) => state.on[name]).map(
    ({ name, test }) => test(state.size[name])(i, j) === (state.on[name] === "+"),
  );
  const open = said.length === 0 || (state.join === "&" ? said.every(Boolean) : said.some(Boolean));
  return open && (!state.padding || state.keep[j]);
};
const grid = (state, n) =>
  tx
    .range(n)
    .map((i) => tx.range(n).map((j) => state.paint.get(`${i},${j}`) ?? ruled(state, i, j)));

// Parts are { text, op }; a part made with another operator gets brackets.
const combine = (op, parts) =>
  parts.length < 2
    ? (parts[0] ?? null)
    : {
        text: parts.map((p) => (p.op && p.op !== op ? `(${p.text})` : p.text)).join(` ${op} `),
        op,
      };
const listed = (pairs, k) => `[${pairs.map((pair) => pair[k]).join(", ")}]`;

// The cells whose paint differs from the rules: all of them, or those painted open or shut.
const painted = (state, n, value = null) =>
  [...state.paint]
    .filter(([at, x]) => {
      const [i, j] = at.split(",").map(Number);
      return (value ?? x) === x && ruled(state, i, j) !== x;
    })
    .map(([at]) => at.split(",").map(Number))
    .sort((a, b) => a[0] * n + a[1] - b[0] * n - b[1]);

// The Python that makes this mask.
const program = (state, n) => {
  const lines = [];
  const rules = RULES.filter(({ name }) => state.on[name]).map(({ name, code }) => ({
    text: (state.on[name] === "~" ? "~" : "") + code(state.size[name]),
  }));
  let mask = combine(state.join, rules);
  if (state.padding) {
    lines.push(
      `keep = torch.tensor([[${state.keep.map((x) => (x ? "True" : "False")).join(", ")}]])`,
    );
    mask = combine("&", [mask, { text: "padding(keep)" }].filter(Boolean));
  }
  for (const [value, name] of [
    [true, "opened"],
    [false, "closed"],
  ]) {
    const pairs = painted(state, n, value);
    if (pairs.length === 0) continue;
    lines.push(`${name} = torch.zeros(${n}, ${n}, dtype=torch.bool)`);
    lines.push(`${name}[${listed(pairs, 0)}, ${listed(pairs, 1)}] = True`);
    const part = { text: value ? name : `~${name}` };
    mask = combine(value ? "|" : "&", [mask, part].filter(Boolean));
  }
  return [...lines, `mask = ${mask ? mask.text : "None"}`].join("\n");
};

const looks = (word) => (word === " " ? "␣" : word);

function render({ model, el }) {
  const scenes = model.get("scenes");
  const frame = tx.frame(el, model, {
    code: () => lines(state, scene, scenes.indexOf(scene)),
    help: "Switch rules on, or paint: press a cell and drag. Each row is a query asking; each column a key that it may or may not see.",
  });
  frame.root.classList.add("mp");
  let [scene, cells, state, own] = [null, [], null, null];
  const load = () => {
    // from the trait, unless it is what this figure has put there
    const last = model.get("painting");
    own = JSON.stringify(last);
    scene = scenes[last.scene ?? 0];
    state = last.on ? opened(last, scene) : fresh(scene);
  };
  // As a trait: nothing where all is as it begins, whatever row is looked at.
  const keep = () => {
    const now = kept(state, scene, scenes);
    const begun = { ...kept(fresh(scenes[0]), scenes[0], scenes), row: now.row };
    return JSON.stringify(now) === JSON.stringify(begun) && scene === scenes[0] ? {} : now;
  };
  load();

  // Rules: a switch, its opposite, its size.
  const chips = RULES.map(({ name, size }) => {
    const use = tx.checkbox({ label: `${name}()`, oninput: set });
    const not = tx.checkbox({
      label: "~ not",
      oninput: (on) => {
        use.value ||= on;
        set();
      },
    });
    not.input.setAttribute("aria-label", `not ${name}`);
    const slider =
      size &&
      tx.slider({
        label: "size",
        min: 1,
        max: 7,
        step: 1,
        value: size,
        format: (x) => String(x),
        oninput: set,
      });
    slider?.input.setAttribute("aria-label", `size of ${name}`);
    slider?.root.classList.add("mp-size");
    const root = tx.html(
      "div",
      { class: "mp-chip", "data-rule": name },
      use.root,
      not.root,
      slider?.root,
    );
    function set() {
      // reads the controls into the state
      state.on[name] = use.value ? (not.value ? "~" : "+") : "";
      if (slider) state.size[name] = slider.value;
      draw();
    }
    const show = () => {
      use.value = state.on[name] !== "";
      not.value = state.on[name] === "~" || (not.value && !use.value);
      if (slider) slider.value = state.size[name];
      root.classList.toggle("mp-on", use.value);
    };
    return { root, show, slider };
  });
  const join = tx.select({
    label: "combine",
    options: [
      { value: "&", label: "& all of them" },
      { value: "|", label: "| any of them" },
    ],
    oninput: (op) => {
      state.join = op;
      draw();
    },
  });
  const padding = tx.checkbox({
    label: "padding(keep)",
    oninput: (on) => {
      state.padding = on;
      draw();
    },
  });
  const padChip = tx.html(
    "div",
    { class: "mp-chip", "data-rule": "padding" },
    padding.root,
    tx.html("span", { class: "mp-hint" }, "press a word above the grid to make it padding"),
  );
  const text = tx.select({
    label: "Text",
    options: scenes.map(({ name }, k) => ({ value: String(k), label: name })),
    value: String(scenes.indexOf(scene)),
    oninput: (k) => {
      scene = scenes[Number(k)];
      state = fresh(scene);
      build();
      draw();
    },
  });
  const fill = tx.select({
    label: "Forbidden scores become",
    options: FILLS,
    oninput: (f) => {
      state.fill = f;
      draw();
    },
  });
  const clear = tx.button({
    label: "clear the paint",
    onclick: () => {
      state.paint.clear();
      draw();
    },
  });
  const presets = PRESETS.map(({ label, on, size }) =>
    tx.button({
      label,
      onclick: () => {
        Object.assign(state, { on: { ...on }, join: "&", paint: new Map() });
        state.size.sliding_window = size ?? 3;
        draw();
      },
    }),
  );
  const isPreset = ({ on, size }) =>
    RULES.every(({ name }) => state.on[name] === on[name]) &&
    painted(state, scene.words.length).length === 0 &&
    (!size || state.size.sliding_window === size);
  const code = tx.html("code", {});
  const table = tx.html("table", { class: "mp-grid", "data-control": "", "data-effect": "" });
  const detail = tx.html("div", { class: "mp-detail" });
  const twin = tx.twin("The weights as a table");
  const begin = tx.html(
    "div",
    { class: "mp-presets", role: "group", "aria-label": "Masks to start from" },
    presets.map((b) => b.root),
  );
  const rules = tx.html(
    "div",
    { class: "mp-rules", role: "group", "aria-label": "Rules" },
    chips.map((c) => c.root),
    join.root,
    padChip,
  );
  [begin, rules].forEach((group) => tx.rove(group));
  frame.controls.append(text.root, begin, rules, fill.root);
  frame.stage.append(
    tx.html("div", { class: "mp-board" }, table, clear.root),
    detail,
    // Below the grid: it grows while the reader paints, and the grid must not move under the hand.
    tx.html("pre", { class: "mp-code" }, code),
  );
  frame.foot.append(twin.root);

  // The grid: one button for each pair, one for each key. Arrow keys walk, Enter and Space flip.
  const flip = (i, j, value) => {
    if (i < 0) state.keep[j] = value;
    else if (ruled(state, i, j) === value) state.paint.delete(`${i},${j}`);
    else state.paint.set(`${i},${j}`, value);
    if (i < 0) state.padding = true;
    else state.row = i;
    draw();
  };
  const isOn = (i, j) => (i < 0 ? state.keep[j] : grid(state, scene.words.length)[i][j]);
  const at = (node) => node?.closest?.("button[data-i]")?.dataset;
  let brush = null;
  const walk = (event) => {
    const step = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      Home: [0, -Infinity],
      End: [0, Infinity],
    }[event.key];
    const here = at(event.target);
    if (!step || !here) return;
    event.preventDefault();
    const n = scene.words.length;
    const i = tx.clamp(Number(here.i) + step[0], -1, n - 1);
    const j = tx.clamp(Number(here.j) + step[1], 0, n - 1);
    table.querySelector(`[data-i="${i}"][data-j="${j}"]`).focus();
  };
  const cell = (i, j) =>
    tx.html("button", {
      type: "button",
      "data-i": i,
      "data-j": j,
      tabindex: i === 0 && j === 0 ? 0 : -1,
      onfocus: (event) => {
        table.querySelector('[tabindex="0"]').tabIndex = -1;
        event.currentTarget.tabIndex = 0;
        if (i >= 0 && state.row !== i) {
          state.row = i;
          draw();
        }
      },
      onclick: (event) => {
        if (event.detail === 0) flip(i, j, !isOn(i, j));
      }, // a key, not a pointer
    });
  table.addEventListener("keydown", walk);
  table.addEventListener("pointerdown", (event) => {
    const here = at(event.target);
    if (!here || event.button !== 0) return;
    brush = { value: !isOn(+here.i, +here.j), head: +here.i < 0 };
    flip(+here.i, +here.j, brush.value);
  });
  table.addEventListener("pointermove", (event) => {
    const here = at(document.elementFromPoint(event.clientX, event.clientY));
    if (brush && here && +here.i < 0 === brush.head) flip(+here.i, +here.j, brush.value);
    else if (!brush && here && +here.i >= 0 && +here.i !== state.row) {
      state.row = +here.i;
      draw();
    }
  });
  const lift = () => {
    brush = null;
  };
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, lift);

  function build() {
    const { words } = scene;
    const heads = words.map((word, j) => cell(-1, j));
    cells = words.map((_, i) => words.map((__, j) => cell(i, j)));
    const sums = words.map(() => tx.html("td", { class: "mp-sum" }));
    const corner = tx.html("th", { scope: "col", class: "mp-corner" }, "query ╲ key");
    table.replaceChildren(
      tx.html(
        "thead",
        {},
        tx.html(
          "tr",
          {},
          corner,
          heads.map((head) => tx.html("th", { scope: "col" }, head)),
          tx.html("th", { scope: "col" }, "sum"),
        ),
      ),
      tx.html(
        "tbody",
        {},
        words.map((word, i) =>
          tx.html(
            "tr",
            {},
            tx.html("th", { scope: "row" }, looks(word)),
            cells[i].map((b) => tx.html("td", {}, b)),
            sums[i],
          ),
        ),
      ),
    );
    table.style.setProperty("--mp-n", words.length);
    Object.assign(cells, { heads, sums, scene });
    for (const { slider } of chips) if (slider) slider.input.max = words.length;
  }

  function paintCell(button, i, j, open, weight) {
    const [query, key] = [looks(scene.words[i]), looks(scene.words[j])];
    const wrong = !open && weight > 5e-4;
    button.className = open ? "mp-open" : wrong ? "mp-shut mp-wrong" : "mp-shut";
    button.classList.toggle(
      "mp-painted",
      state.paint.has(`${i},${j}`) && ruled(state, i, j) !== open,
    );
    button.style.setProperty("--mp-weight", Number.isFinite(weight) ? weight : 0);
    button.textContent = Number.isNaN(weight) ? "NaN" : open || wrong ? tx.number(weight) : "×";
    button.setAttribute("aria-pressed", String(open));
    const heard = Number.isNaN(weight) ? "not a number" : tx.number(weight);
    button.setAttribute(
      "aria-label",
      `${query} ${open ? "may attend" : "may not attend"} to ${key}, weight ${heard}`,
    );
    Object.assign(button.dataset, { allowed: Number(open), weight });
  }

  function draw() {
    const { words, scores } = scene;
    const n = words.length;
    const allowed = grid(state, n);
    const weights = allowed.map((row, i) => weigh(scores[i], row, state.fill));
    const blind = allowed.map((row) => !row.some(Boolean));
    chips.forEach((chip) => chip.show());
    join.value = state.join;
    fill.value = state.fill;
    padding.value = state.padding;
    padChip.classList.toggle("mp-on", state.padding);
    clear.input.disabled = painted(state, n).length === 0;
    presets.forEach((b, k) => b.input.setAttribute("aria-pressed", String(isPreset(PRESETS[k]))));
    allowed.forEach((row, i) =>
      row.forEach((open, j) => paintCell(cells[i][j], i, j, open, weights[i][j])),
    );
    cells.heads.forEach((head, j) => {
      head.textContent = looks(words[j]);
      head.className = state.keep[j] ? "" : "mp-pad";
      head.setAttribute("aria-pressed", String(!state.keep[j]));
      head.setAttribute("aria-label", `${looks(words[j])} is padding`);
    });
    weights.forEach((row, i) => {
      cells.sums[i].textContent =
        blind[i] && state.fill !== "1e9"
          ? `${tx.sum(row) === 0 ? "0" : "NaN"} ⚠`
          : tx.number(tx.sum(row)) + (blind[i] ? " ⚠" : "");
      cells.sums[i].parentElement.className =
        (blind[i] ? "mp-blind" : "") + (i === state.row ? " mp-row" : "");
    });
    code.textContent = program(state, n);
    explain(allowed, weights);
    const said = summary(allowed, weights, blind);
    frame.status(said);
    frame.root.classList.toggle("mp-warned", said.includes("⚠"));
    twin.update({
      caption: "Weight of each key (column) for each query (row)",
      columns: ["query", ...words.map(looks)],
      rows: weights.map((row, i) => [
        looks(words[i]),
        ...row.map((w) => (Number.isNaN(w) ? "NaN" : w)),
      ]),
    });
    text.value = String(scenes.indexOf(scene));
    own = JSON.stringify(keep());
    if (own !== JSON.stringify(model.get("painting")) || code.textContent !== model.get("code")) {
      tx.push(model, { code: code.textContent, allowed, painting: keep() });
    }
  }

  function explain(allowed, weights) {
    const i = Math.min(state.row, scene.words.length - 1);
    const bar = (w) =>
      tx.html("span", { class: "mp-bar", style: `width: ${Number.isFinite(w) ? 100 * w : 0}%` });
    const rows = scene.words.map((word, j) =>
      tx.html(
        "tr",
        { class: allowed[i][j] ? "" : "mp-out" },
        tx.html("th", { scope: "row" }, looks(word)),
        tx.html("td", {}, tx.number(scene.scores[i][j])),
        tx.html(
          "td",
          {},
          allowed[i][j] || state.fill === "after"
            ? tx.number(scene.scores[i][j])
            : state.fill === "1e9"
              ? "−10⁹"
              : "−∞",
        ),
        tx.html(
          "td",
          { class: "mp-weight" },
          bar(weights[i][j]),
          tx.html("span", {}, Number.isNaN(weights[i][j]) ? "NaN" : tx.number(weights[i][j])),
        ),
      ),
    );
    detail.replaceChildren(
      tx.html(
        "table",
        {},
        tx.html("caption", {}, "The row of ", tx.html("strong", {}, looks(scene.words[i]))),
        tx.html(
          "thead",
          {},
          tx.html(
            "tr",
            {},
            ["key", "score", "masked", "weight"].map((h) => tx.html("th", { scope: "col" }, h)),
          ),
        ),
        tx.html("tbody", {}, rows),
      ),
    );
  }

  function summary(allowed, weights, blind) {
    const names = (flags) =>
      scene.words
        .filter((_, i) => flags[i])
        .map(looks)
        .join(", ");
    const count = tx.sum(allowed.flat().map(Number));
    const ahead = tx.sum(
      allowed.map((row, i) => tx.sum(row.map((open, j) => Number(open && j > i)))),
    );
    const leak = weights.some((row, i) => row.some((w, j) => w > 5e-4 && !allowed[i][j]));
    return [
      `${count} of ${allowed.length ** 2} pairs are allowed.`,
      ahead ? `${ahead} of them look ahead.` : "No position looks ahead.",
      blind.some(Boolean) ? `⚠ Sees nothing: ${names(blind)}.` : "",
      leak ? "⚠ Forbidden keys get weight!" : "",
      state.fill === "after"
        ? "⚠ Rows no longer sum to one: what they may not see still counts below the fraction line."
        : "",
    ]
      .filter(Boolean)
      .join(" ");
  }

  const paint = () => {
    if (own !== JSON.stringify(model.get("painting"))) load();
    if (cells.scene !== scene) build();
    draw();
  };
  const ends = frame.watch(paint);
  return () =>
    ends() ||
    ["pointerup", "pointercancel"].forEach((end) => window.removeEventListener(end, lift));
}

export default { render };
