// The rotary clock: a strip with two words, a dial for every pair of numbers, the score by distance.

const SIDE = 132; // of a dial
const RADIUS = 50;

const turned = ([a, b], angle) => {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [a * cos - b * sin, a * sin + b * cos];
};

const speedsOf = (scene) => scene.query.map((_, f) => scene.base ** (-f / scene.query.length));

// Everything that is shown: the turned hands, the product on each dial, the score, and its curve.
const calculate = (model) => {
  const scene = model.get("scenes")[model.get("scene")];
  const [i, j, last] = [model.get("i"), model.get("j"), model.get("last")];
  const way = model.get("backwards") ? -1 : 1;
  const speeds = speedsOf(scene);
  const hands = (vectors, position) => vectors.map((v, f) => turned(v, position * speeds[f]));
  const root = Math.sqrt(2 * speeds.length);
  const query = hands(scene.query, i);
  const scoreAt = (position) =>
    tx.sum(hands(scene.key, way * position).map((k, f) => tx.dot(query[f], k))) / root;
  const key = hands(scene.key, way * j);
  const products = query.map((q, f) => tx.dot(q, key[f]));
  const distances = tx.range(2 * last + 1).map((n) => n - last); // key's position less the query's
  return {
    scene,
    speeds,
    query,
    key,
    products,
    distances,
    score: tx.sum(products) / root,
    curve: distances.map((d) => scoreAt(i + d)),
  };
};

// What is shown, as txlite's rotation computes it: interleaved pairs, turned at their positions.
const lines = (model) => {
  const scene = model.get("scenes")[model.get("scene")];
  const [i, j, backwards] = ["i", "j", "backwards"].map((name) => model.get(name));
  const more = ", dtype=torch.float64";
  return [
    "import torch",
    "",
    "from txlite.nn.positions import Rotary",
    "",
    tx.assigned("query", scene.query.flat(), { more }),
    tx.assigned("key", scene.key.flat(), { more }),
    `rotary = Rotary(${2 * scene.query.length}, base=${scene.base}).double()`,
    `turned_query = rotary(torch.tensor([${i}])).apply(query[None])[0]`,
    `turned_key = rotary(torch.tensor([${backwards ? -j : j}])).apply(key[None])[0]`,
    `products = (turned_query * turned_key).unflatten(0, (-1, 2)).sum(-1)`,
    `score = products.sum() / len(query) ** 0.5`,
  ].join("\n");
};

const whole = (x, last) => tx.clamp(Math.round(x), 0, last);

// ---------------------------------------------------------------- the strip

const buildStrip = (model, wide) => {
  const last = model.get("last");
  const plane = tx.plane({
    width: Math.min(480, wide + 34),
    height: 92,
    xlim: [0, last],
    ylim: [0, 1],
    xticks: tx.range(last / 10 + 1).map((n) => 10 * n),
  });
  plane.root.setAttribute("viewBox", `34 0 ${plane.box.right - 18} 72`);
  plane.root.classList.add("tx-strip");
  const line = tx.svg("line", {
    class: "tx-ground",
    x1: plane.x(0),
    x2: plane.x(last),
    y1: plane.y(0),
    y2: plane.y(0),
  });
  const tie = tx.svg("path", { class: "tx-tie" });
  const span = tx.svg("text", { class: "tx-span", "text-anchor": "middle" });
  plane.root.append(line, tie, span);
  const marker = (name, label) => {
    const handle = tx.handle(plane, {
      label,
      x: model.get(name),
      y: 0.3,
      step: 1,
      color: `var(--tx-${name === "i" ? "query" : "key"})`,
      along: () => 0.3,
      snap: (x) => whole(x, last),
      says: (x) => `position ${x}`,
      onmove: (x) => tx.push(model, { [name]: x }),
    });
    const letter = tx.svg(
      "text",
      { class: "tx-letter", "text-anchor": "middle", "aria-hidden": "true" },
      name,
    );
    plane.root.append(handle.root, letter);
    return {
      move: (position) => {
        handle.move(position, 0.3);
        letter.setAttribute("x", plane.x(position));
        letter.setAttribute("y", plane.y(0.3) + 4.5);
      },
    };
  };
  const [key, query] = [marker("j", "position of the key"), marker("i", "position of the query")];
  const update = (i, j) => {
    query.move(i);
    key.move(j);
    const [from, to, ground] = [plane.x(i), plane.x(j), plane.y(0.3)];
    const rise = Math.min(15, 6 + Math.abs(from - to) / 16);
    tie.setAttribute(
      "d",
      i === j
        ? ""
        : `M${from} ${ground - 10}Q${(from + to) / 2} ${ground - 2 * rise} ${to} ${ground - 10}`,
    );
    span.textContent = i === j ? "" : `i − j = ${String(i - j).replace("-", "−")}`;
    span.setAttribute("x", tx.clamp((from + to) / 2, 90, plane.box.right - 34));
    span.setAttribute("y", 11);
  };
  return { root: plane.root, update };
};

// ---------------------------------------------------------------- the dials

const hand = (kind) =>
  tx.svg(
    "g",
    { class: `tx-hand tx-${kind}` },
    tx.svg("line", { x1: 0, y1: 0 }),
    tx.svg("circle", { r: kind.endsWith("start") ? 2.5 : 5 }),
  );

const point = (node, [a, b], unit) => {
  const [x, y] = [a * unit, -b * unit];
  tx.fill(node.firstChild, { x2: x, y2: y }, []);
  tx.fill(node.lastChild, { cx: x, cy: y }, []);
};

// The sector between two hands, the short way round.
const sector = (q, k, radius) => {
  const [from, to] = [Math.atan2(q[1], q[0]), Math.atan2(k[1], k[0])];
  const gap = Math.atan2(Math.sin(to - from), Math.cos(to - from));
  const at = (a) => `${radius * Math.cos(a)} ${-radius * Math.sin(a)}`;
  return { gap, path: `M0 0L${at(from)}A${radius} ${radius} 0 0 ${gap > 0 ? 0 : 1} ${at(to)}Z` };
};

const buildDial = (scene, speed, f) => {
  const svg = tx.svg("svg", {
    viewBox: `${-SIDE / 2} ${-SIDE / 2} ${SIDE} ${SIDE}`,
    "aria-hidden": "true",
  });
  const wedge = tx.svg("path", { class: "tx-wedge" });
  const [query, key, startQuery, startKey] = ["query", "key", "query tx-start", "key tx-start"].map(
    hand,
  );
  const ticks = tx.range(12).map((n) => {
    const [x, y] = [Math.cos((n * Math.PI) / 6), Math.sin((n * Math.PI) / 6)];
    return tx.svg("line", { class: "tx-tick", x1: 54 * x, y1: 54 * y, x2: 58 * x, y2: 58 * y });
  });
  svg.append(
    tx.svg("circle", { class: "tx-rim", r: 60 }),
    ...ticks,
    wedge,
    startKey,
    startQuery,
    query,
    key,
  );
  const product = tx.html("b", { class: "tx-product", "data-name": "product" });
  const positions = (2 * Math.PI) / speed;
  const pace = `one turn in ${positions < 100 ? tx.number(positions, 1) : Math.round(positions)} positions`;
  const root = tx.html(
    "figure",
    { class: "tx-dial" },
    svg,
    tx.html("figcaption", {}, product, tx.html("span", {}, pace)),
  );
  const longest = Math.max(
    ...[...scene.query, ...scene.key].map(([a, b]) => Math.hypot(a, b)),
    1e-9,
  );
  point(startQuery, scene.query[f], RADIUS / longest);
  point(startKey, scene.key[f], RADIUS / longest);
  const update = (q, k, value) => {
    point(query, q, RADIUS / longest);
    point(key, k, RADIUS / longest);
    const { gap, path } = sector(q, k, 24);
    wedge.setAttribute("d", path);
    wedge.classList.toggle("tx-far", Math.cos(gap) < 0);
    root.dataset.gap = gap;
    root.dataset.query = JSON.stringify(q);
    root.dataset.key = JSON.stringify(k);
    product.dataset.value = value;
    product.textContent = `${value < 0 ? "" : "+"}${tx.number(value)}`;
  };
  return { root, update };
};

// ---------------------------------------------------------------- the curve

const buildCurve = (model, now, wide) => {
  const last = model.get("last");
  const lengths = now.query.map((q, f) => Math.hypot(...q) * Math.hypot(...now.key[f]));
  const top = Math.ceil((10 * tx.sum(lengths)) / Math.sqrt(2 * lengths.length)) / 10; // all hands together
  const plane = tx.plane({
    width: Math.min(480, wide),
    height: wide < 400 ? 160 : 190,
    xlim: [-last, last],
    ylim: [-top, top],
    xticks: wide < 400 ? [-60, -30, 0, 30, 60] : [-60, -40, -20, 0, 20, 40, 60],
    yticks: [-top, 0, top],
    xlabel: wide < 400 ? "positions on, j − i" : "positions from the query to the key, j − i",
    ylabel: "score",
  });
  if (now.scene.trained > 0) {
    const left = plane.x(Math.max(-last, -now.scene.trained));
    plane.root.append(
      tx.svg("rect", {
        class: "tx-trained",
        x: left,
        width: plane.x(0) - left,
        y: plane.y(top),
        height: plane.y(-top) - plane.y(top),
      }),
      tx.svg(
        "text",
        { class: "tx-axis", x: left - 6, y: plane.y(-top) - 8, "text-anchor": "end" },
        "never in training",
      ),
    );
  }
  const path = plane.root.appendChild(tx.svg("path", { class: "tx-curve" }));
  let reading = now;
  const read = (d) => reading.curve[d + last];
  const reach = [-model.get("i"), last - model.get("i")]; // the key stays on the strip
  const handle = tx.handle(plane, {
    label: "distance on the curve",
    x: 0,
    y: 0,
    step: 1,
    range: reach,
    along: read,
    snap: (x) => tx.clamp(Math.round(x), ...reach),
    says: (d, score) => `key ${tx.number(d, 0)} positions on, score ${tx.number(score)}`,
    onmove: (d) => tx.push(model, { j: model.get("i") + d }),
  });
  plane.root.append(handle.root);
  const update = (next, i, j) => {
    reading = next;
    [reach[0], reach[1]] = [-i, last - i];
    const { distances, curve, score } = next;
    path.setAttribute("d", plane.line(distances.map((d, n) => [d, curve[n]])));
    path.dataset.values = JSON.stringify(curve);
    handle.move(j - i, score);
  };
  return { root: plane.root, update };
};

// ---------------------------------------------------------------- together

const buildControls = (model) => {
  const scenes = model.get("scenes");
  const choice = tx.select({
    label: "Query and key",
    options: scenes.map((s, n) => ({ value: n, label: s.name })),
    value: model.get("scene"),
    oninput: (n) => tx.push(model, { scene: Number(n) }),
  });
  const shift = (by) => {
    const [i, j] = [model.get("i"), model.get("j")];
    const step = tx.clamp(by, -Math.min(i, j), model.get("last") - Math.max(i, j));
    tx.push(model, { i: i + step, j: j + step });
  };
  const buttons = [
    [-10, "−10"],
    [-1, "−1"],
    [1, "+1"],
    [10, "+10"],
  ].map(([by, label]) => {
    const { input } = tx.button({ label, onclick: () => shift(by) });
    input.setAttribute("aria-label", `shift both by ${label}`);
    return input;
  });
  const both = tx.html(
    "div",
    { class: "tx-control tx-both", role: "group", "aria-label": "shift both" },
    tx.html("span", { class: "tx-name" }, "Shift both"),
    buttons,
  );
  const backwards = tx.checkbox({
    label: "turn the key backwards (a mistake)",
    value: model.get("backwards"),
    oninput: (on) => tx.push(model, { backwards: on }),
  });
  const follow = () => {
    choice.value = model.get("scene");
    backwards.value = model.get("backwards");
  };
  tx.rove(both);
  return { both, roots: [choice.root, backwards.root], follow };
};

const sentence = (i, j, score, backwards) => {
  const gap = Math.abs(i - j);
  const where =
    gap === 0
      ? "at the same position"
      : `${gap} ${gap === 1 ? "position" : "positions"} ${j < i ? "before" : "after"} the query`;
  const moral = backwards
    ? "Shift both: the score does not stay."
    : "Shift both: every hand turns, the score stays.";
  return `The key stands ${where}. Score ${tx.number(score, 3)}. ${moral}`;
};

const render = ({ model, el }) => {
  const step = (by) => tx.push(model, { i: model.get("i") + by, j: model.get("j") + by });
  const { controls, lead, stage, foot, status, watch, room } = tx.frame(el, model, {
    code: () => lines(model),
    play: {
      at: () => Math.max(model.get("i"), model.get("j")),
      go: (n) => step(n - Math.max(model.get("i"), model.get("j"))),
      first: () => Math.abs(model.get("i") - model.get("j")),
      last: () => model.get("last"),
      pace: 350,
      name: "both words, position by position",
    },
    help: "Drag i (query) and j (key) along the strip, or the point on the curve; arrow keys work too, Enter goes to the next point. Pale hands: before any turn.",
  });
  const panel = buildControls(model);
  controls.append(...panel.roots);
  lead.prepend(panel.both);
  tx.rove(stage, { items: ".tx-handle", way: tx.ways.enter });
  const twin = tx.twin();
  foot.append(twin.root);
  const wide = room();
  const strip = buildStrip(model, wide);
  const dials = tx.html("div", { class: "tx-dials" });
  const total = tx.html("p", { class: "tx-total" });
  const chart = tx.html("div", { class: "tx-chart" });
  stage.append(strip.root, dials, total, chart);
  let faces = [];
  let curve = null;
  let drawn = null; // the scene that the dials were built for
  const draw = () => {
    const now = calculate(model);
    const [i, j] = [model.get("i"), model.get("j")];
    if (drawn !== model.get("scene")) {
      drawn = model.get("scene");
      faces = now.speeds.map((speed, f) => buildDial(now.scene, speed, f));
      curve = buildCurve(model, now, wide);
      dials.replaceChildren(...faces.map((face) => face.root));
      chart.replaceChildren(curve.root);
    }
    strip.update(i, j);
    faces.forEach((face, f) => face.update(now.query[f], now.key[f], now.products[f]));
    curve.update(now, i, j);
    panel.follow();
    const score = tx.html(
      "b",
      { "data-name": "score", "data-value": now.score },
      tx.number(now.score, 3),
    );
    total.replaceChildren(
      `score = (${now.products
        .map((p) => tx.number(p))
        .join(" + ")
        .replaceAll("+ −", "− ")}) / √${2 * now.speeds.length} = `,
      score,
    );
    const pair = (v) => `(${tx.number(v[0])}, ${tx.number(v[1])})`;
    twin.update({
      caption: `Query at ${i}, key at ${j}`,
      columns: ["dial", "query", "key", "angle between", "product"],
      rows: now.query.map((q, f) => [
        `${f + 1}`,
        pair(q),
        pair(now.key[f]),
        `${tx.number((Number(faces[f].root.dataset.gap) * 180) / Math.PI, 1)}°`,
        now.products[f],
      ]),
    });
    status(sentence(i, j, now.score, model.get("backwards")));
  };
  return watch(draw);
};

export default { render };
