// The position explorer: matrix, waves and likeness over the same positions, and a clock for each pair.

const NARROW = 460; // px, from which on titles can be long
const LEFT = 46,
  RIGHT = 8,
  MATRIX = 168,
  PANEL = 92,
  GAP = 44;

const calculate = (model) => {
  const [p, k, width, base] = ["position", "shift", "d_model", "base"].map((name) =>
    model.get(name),
  );
  const speeds = tx.range(width / 2).map((i) => base ** ((-2 * i) / width));
  const table = tx
    .range(model.get("length"))
    .map((at) => speeds.flatMap((speed) => [Math.sin(at * speed), Math.cos(at * speed)]));
  const similarity = table.map((row) => tx.dot(row, table[p]) / (width / 2));
  const turned = speeds.map((speed, i) => {
    // the pair of p, turned by k · speed
    const [x, y, s, c] = [
      table[p][2 * i],
      table[p][2 * i + 1],
      Math.sin(k * speed),
      Math.cos(k * speed),
    ];
    return [x * c + y * s, y * c - x * s];
  });
  return { p, k, width, base, speeds, table, similarity, turned };
};

// How many positions one turn takes, in words.
const turnsIn = (speed) => {
  const positions = (2 * Math.PI) / speed;
  return positions < 100
    ? tx.number(positions, 1)
    : Math.round(positions).toLocaleString("en").replaceAll(",", "\u202f");
};

// The three pictures, one above the other, in one drawing whose x is the position.
const sheet = (wide, length, onmove) => {
  const step = (wide - LEFT - RIGHT) / length;
  const x = (at) => LEFT + (at + 0.5) * step;
  const tops = { matrix: 24, waves: 24 + MATRIX + GAP, likeness: 24 + MATRIX + PANEL + 2 * GAP };
  const high = tops.likeness + PANEL + 40;
  const root = tx.canvas(wide, high, `Matrix, waves and likeness over ${length} positions`);
  root.classList.add("pe-sheet");
  const group = () => root.appendChild(tx.svg("g", { "aria-hidden": "true" }));
  const [cells, frame, drawn, marks] = [group(), group(), group(), group()];
  const move = (event) => {
    const box = root.getBoundingClientRect();
    const at = ((event.clientX - box.left) * wide) / box.width;
    onmove(Math.floor((at - LEFT) / step));
  };
  root.addEventListener("pointerdown", (event) => {
    root.setPointerCapture(event.pointerId);
    move(event);
  });
  root.addEventListener(
    "pointermove",
    (event) => root.hasPointerCapture(event.pointerId) && move(event),
  );
  return { root, cells, frame, drawn, marks, x, step, tops, high, wide };
};

const lines = (model) => {
  const [p, k, width, base] = ["position", "shift", "d_model", "base"].map((name) =>
    model.get(name),
  );
  return [
    "import torch",
    "",
    "from txlite.nn.positions import sinusoidal",
    "",
    `positions = torch.arange(${model.get("length")})`,
    `table = sinusoidal(positions, ${width}, ${base}, dtype=torch.float64)`,
    `similarity = table @ table[${p}] / ${width / 2}  # of every position to p = ${p}`,
    `further = table[${p + k}]  # the hands at p + k: each pair of them (sine, cosine)`,
  ].join("\n");
};

const label = (text, attributes) => tx.svg("text", { class: "tx-axis", ...attributes }, text);

// Titles, ticks and grids: what does not depend on the numbers.
const drawFrame = (page, length) => {
  const { frame, x, tops, high, wide } = page;
  const narrow = wide < NARROW;
  const titles = {
    matrix: narrow
      ? "A column for each position"
      : "The matrix: every column is one position’s vector",
    waves: "",
    likeness: narrow ? "How alike it is to p" : "How alike every position is to p",
  };
  const parts = Object.entries(titles).map(([name, text]) =>
    tx.svg("text", { class: "pe-title", x: LEFT, y: tops[name] - 11, "data-title": name }, text),
  );
  for (const top of [tops.waves, tops.likeness]) {
    for (const [v, share] of [
      [1, 0],
      [0, 0.5],
      [-1, 1],
    ]) {
      const y = top + share * PANEL;
      parts.push(tx.svg("line", { class: "tx-grid", x1: LEFT, x2: wide - RIGHT, y1: y, y2: y }));
      parts.push(
        label(tx.number(v, 0), {
          x: LEFT - 8,
          y,
          "text-anchor": "end",
          "dominant-baseline": "central",
        }),
      );
    }
  }
  for (let at = 0; at < length; at += 8) {
    parts.push(label(String(at), { x: x(at), y: high - 24, "text-anchor": "middle" }));
  }
  parts.push(label("position", { x: (LEFT + wide) / 2, y: high - 5, "text-anchor": "middle" }));
  frame.replaceChildren(...parts);
};

const drawMatrix = (page, now) => {
  const side = MATRIX / now.width;
  const boxes = now.table.flatMap((row, at) =>
    row.map((value, j) => {
      const box = tx.svg("rect", {
        x: page.x(at) - page.step / 2,
        y: page.tops.matrix + j * side,
        width: page.step + 0.3,
        height: side + 0.3,
        "data-at": at,
        "data-column": j,
        "data-value": value,
      });
      tx.shade(box, value);
      return box;
    }),
  );
  const ticks = [0, now.width / 2, now.width - 1].map((j) =>
    label(String(j), {
      x: LEFT - 8,
      y: page.tops.matrix + (j + 0.5) * side,
      "text-anchor": "end",
      "dominant-baseline": "central",
    }),
  );
  page.cells.replaceChildren(...boxes, ...ticks);
};

const path = (points) =>
  points.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(2)} ${b.toFixed(2)}`).join("");

const drawCurves = (page, now, pair) => {
  const height = (top) => (v) => top + (1 - v) * (PANEL / 2);
  const [y, z] = [height(page.tops.waves), height(page.tops.likeness)];
  const fine = tx.range(8 * (now.table.length - 1) + 1).map((n) => n / 8);
  const wave = (f, name) =>
    tx.svg("path", {
      class: `pe-line pe-${name}`,
      d: path(fine.map((at) => [page.x(at), y(f(at * now.speeds[pair]))])),
    });
  const points = [now.p, now.p + now.k].flatMap((at, second) =>
    [0, 1].map((odd) =>
      tx.svg("circle", {
        r: 4,
        cx: page.x(at),
        cy: y(now.table[at][2 * pair + odd]),
        class: second ? "pe-second" : "pe-first",
      }),
    ),
  );
  const alike = now.similarity.map((value, at) =>
    tx.svg("circle", {
      r: at === now.p || at === now.p + now.k ? 4 : 2,
      cx: page.x(at),
      cy: z(value),
      "data-alike": value,
      class: at === now.p ? "pe-first" : at === now.p + now.k ? "pe-second" : "pe-dot",
    }),
  );
  page.drawn.replaceChildren(
    wave(Math.sin, "sine"),
    wave(Math.cos, "cosine"),
    ...points,
    tx.svg("path", {
      class: "pe-line pe-alike",
      d: path(now.similarity.map((v, at) => [page.x(at), z(v)])),
    }),
    ...alike,
  );
  page.frame.querySelector('[data-title="waves"]').textContent =
    page.wide < NARROW
      ? `Pair ${pair}: sine, cosine (dashed)`
      : `Pair ${pair}: columns ${2 * pair} (sine, solid) and ${2 * pair + 1} (cosine, dashed)`;
};

const drawMarks = (page, now, pair) => {
  const side = MATRIX / now.width;
  const bars = [
    [now.p + now.k, "second", "p + k"],
    [now.p, "first", "p"],
  ].flatMap(([at, name, text]) => [
    tx.svg("rect", {
      class: `pe-mark pe-mark-${name}`,
      x: page.x(at) - page.step / 2 - 1,
      y: page.tops.matrix - 1,
      width: page.step + 2,
      height: MATRIX + 2,
    }),
    tx.svg("line", {
      class: `pe-rule pe-mark-${name}`,
      x1: page.x(at),
      x2: page.x(at),
      y1: page.tops.waves,
      y2: page.tops.likeness + PANEL,
    }),
    tx.svg(
      "text",
      {
        class: `pe-name pe-name-${name}`,
        y: page.tops.matrix + MATRIX + 15,
        ...(now.k * page.step > 34
          ? { x: page.x(at), "text-anchor": "middle" }
          : {
              x: page.x(at) + (name === "first" ? 2 : -4),
              "text-anchor": name === "first" ? "end" : "start",
            }),
      },
      now.k === 0 && name === "second" ? "" : text,
    ),
  ]);
  const chosen = tx.svg("rect", {
    class: "pe-pair",
    x: LEFT - 1,
    y: page.tops.matrix + 2 * pair * side - 1,
    width: page.step * now.table.length + 2,
    height: 2 * side + 2,
  });
  page.marks.replaceChildren(chosen, ...bars);
};

// One clock: twelve o'clock is angle 0, the hand points to (sine, cosine).
const clock = (pair, onclick) => {
  const [first, second, wedge] = [
    tx.svg("line", { class: "pe-hand pe-mark-first" }),
    tx.svg("line", { class: "pe-hand pe-mark-second" }),
    tx.svg("path", { class: "pe-wedge" }),
  ];
  const face = tx.svg(
    "svg",
    { viewBox: "-27 -27 54 54", width: 54, height: 54, "aria-hidden": "true" },
    tx.svg("circle", { class: "pe-face", r: 25 }),
    wedge,
    second,
    first,
  );
  const note = tx.html("span", { class: "pe-turn" });
  const root = tx.html(
    "button",
    { type: "button", class: "pe-clock", "data-pair": pair, onclick },
    face,
    note,
  );
  const update = (now, chosen) => {
    const angle = now.k * now.speeds[pair];
    const from = [now.table[now.p][2 * pair], now.table[now.p][2 * pair + 1]];
    const to = now.turned[pair];
    for (const [hand, at] of [
      [first, from],
      [second, to],
    ]) {
      tx.fill(hand, { x1: 0, y1: 0, x2: 23 * at[0], y2: -23 * at[1] }, []);
    }
    Object.assign(root.dataset, { x: to[0], y: to[1] });
    const large = angle % (2 * Math.PI) > Math.PI ? 1 : 0;
    wedge.setAttribute(
      "d",
      angle >= 2 * Math.PI
        ? "M0 -17A17 17 0 1 1 0 17A17 17 0 1 1 0 -17Z"
        : `M0 0L${17 * from[0]} ${-17 * from[1]}A17 17 0 ${large} 1 ${17 * to[0]} ${-17 * to[1]}Z`,
    );
    note.textContent = turnsIn(now.speeds[pair]);
    root.setAttribute("aria-pressed", String(chosen));
    root.setAttribute(
      "aria-label",
      `Pair ${pair}: one turn in ${turnsIn(now.speeds[pair])} positions`,
    );
  };
  return { root, update };
};

const buildControls = (model) => {
  const push = (name) => (value) => tx.push(model, { [name]: Number(value) });
  const whole = { step: 1, format: (v) => String(v) };
  const last = model.get("length") - 1;
  const position = tx.slider({
    label: "Position p",
    min: 0,
    max: last - 16,
    ...whole,
    value: model.get("position"),
    oninput: push("position"),
  });
  const shift = tx.slider({
    label: "Shift k",
    min: 0,
    max: 16,
    ...whole,
    value: model.get("shift"),
    oninput: push("shift"),
  });
  const width = tx.select({
    label: "Width D",
    options: model.get("widths").map(String),
    value: String(model.get("d_model")),
    oninput: push("d_model"),
  });
  const bases = model.get("bases").map((b) => ({
    value: String(b),
    label: b.toLocaleString("en").replaceAll(",", "\u202f") + (b === 10000 ? " (the paper)" : ""),
  }));
  const base = tx.select({
    label: "Base",
    options: bases,
    value: String(model.get("base")),
    oninput: push("base"),
  });
  const follow = () => {
    position.value = model.get("position");
    shift.value = model.get("shift");
    width.value = String(model.get("d_model"));
    base.value = String(model.get("base"));
  };
  return { position, roots: [shift.root, width.root, base.root], follow };
};

const clocksFor = (model, pairs) =>
  tx.range(pairs).map((i) => clock(i, () => tx.push(model, { pair: i })));

const table = (now) => ({
  caption: `The hands at p = ${now.p} and p + k = ${now.p + now.k}, in radians`,
  columns: [
    "pair",
    "turn, in positions",
    "angle at p",
    "angle at p + k",
    "between them: k · speed",
  ],
  rows: now.speeds.map((speed, i) => [
    String(i),
    turnsIn(speed),
    (now.p * speed) % (2 * Math.PI),
    ((now.p + now.k) * speed) % (2 * Math.PI),
    now.k * speed,
  ]),
});

const render = ({ model, el }) => {
  const { controls, lead, stage, foot, status, watch, room } = tx.frame(el, model, {
    code: () => lines(model),
    play: {
      at: () => model.get("position"),
      go: (position) => tx.push(model, { position }),
      last: () => model.get("length") - 17,
      pace: 350,
      name: "p, position by position",
    },
    help: "Drag across the picture to move p. Press a clock to see its waves. Under each clock: how many positions one turn takes.",
  });
  const panel = buildControls(model);
  const wide = Math.round(tx.clamp(room(), 264, 640));
  const last = model.get("length") - 17;
  const page = sheet(wide, model.get("length"), (at) =>
    tx.push(model, { position: tx.clamp(at, 0, last) }),
  );
  const faces = tx.html("div", {
    class: "pe-clocks",
    role: "group",
    "aria-label": "A clock for every pair",
  });
  const twin = tx.twin();
  drawFrame(page, model.get("length"));
  controls.append(...panel.roots);
  lead.prepend(panel.position.root);
  tx.rove(faces);
  stage.append(page.root, faces);
  foot.append(twin.root);
  let [built, clocks] = ["", []];
  const draw = () => {
    const now = calculate(model);
    const pair = tx.clamp(model.get("pair"), 0, now.width / 2 - 1);
    if (built !== `${now.width} ${now.base}`) {
      built = `${now.width} ${now.base}`;
      drawMatrix(page, now);
      clocks = clocksFor(model, now.width / 2);
      faces.replaceChildren(...clocks.map((c) => c.root));
    }
    drawCurves(page, now, pair);
    drawMarks(page, now, pair);
    clocks.forEach((c, i) => c.update(now, i === pair));
    panel.follow();
    twin.update(table(now));
    const angle = tx.number(now.k * now.speeds[pair], 2);
    status(
      `Positions ${now.p} and ${now.p + now.k}: likeness ${tx.number(now.similarity[now.p + now.k], 2)}, ` +
        `as between any two that are ${now.k} apart. Pair ${pair} has turned by ${angle} radians between them.`,
    );
  };
  return watch(draw);
};

export default { render };
