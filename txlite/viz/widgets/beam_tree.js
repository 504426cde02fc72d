// The beam tree: the search itself, in forty lines, and a column of candidates for each step.

const ROW = 44;
const LEFT = 28;
const GAP = 24; // between two columns
const [NARROWEST, WIDEST] = [66, 112]; // of a word's box
const HIGH = 36;

// So wide is a box where all the words stand side by side, if there is room.
const widthFor = (steps, room) =>
  Math.round(tx.clamp((room - LEFT) / steps - GAP, NARROWEST, WIDEST));
const fitting = (word, width) => {
  const most = Math.floor((width - 10) / 8.2);
  return word.length > most ? `${word.slice(0, most - 1)}…` : word;
};

const stepOf = (continuations, beams, count, eos, last) => {
  const reached = beams.flatMap(({ path, logProb }) =>
    continuations[path.join(",")].map(([token, more]) => ({
      path: [...path, token],
      logProb: logProb + more,
    })),
  );
  reached.sort((a, b) => b.logProb - a.logProb); // stable, as Python's
  let going = 0;
  return reached.slice(0, 2 * count).map((reach, rank) => {
    const over = last || reach.path.at(-1) === eos;
    let fate = "dropped";
    if (over && rank < count) fate = "ends";
    else if (!over && going < count) {
      fate = "goes on";
      going += 1;
    }
    return { ...reach, fate };
  });
};

const search = ({ continuations, eos, maxLen, count, penalty }) => {
  let beams = [{ path: [], logProb: 0 }];
  const steps = [];
  let ended = [];
  for (let length = 1; length <= maxLen; length += 1) {
    const step = stepOf(continuations, beams, count, eos, length === maxLen);
    steps.push(step);
    const power = length ** penalty;
    const fresh = step
      .filter((c) => c.fate === "ends")
      .map((c) => ({ ...c, score: c.logProb / power }));
    ended = [...ended, ...fresh].sort((a, b) => b.score - a.score).slice(0, count);
    beams = step.filter((c) => c.fate === "goes on");
    const worst = ended.length === count ? ended.at(-1).score : -Infinity;
    if (beams.length === 0 || beams[0].logProb / power <= worst) break;
  }
  return { steps, ended };
};

const fates = { "goes on": "tx-going", ends: "tx-ends", dropped: "tx-dropped" };

// Where every candidate stands; only those that go on have children.
const placed = (steps, width) => {
  const places = new Map([["", { x: 5, y: (2 * ROW) / 3 }]]);
  return steps.flatMap((step, column) =>
    step.map((candidate, row) => {
      const from = places.get(candidate.path.slice(0, -1).join(","));
      const at = { x: LEFT + column * (width + GAP), y: ROW * (row + 1) - ROW / 3 };
      if (candidate.fate === "goes on")
        places.set(candidate.path.join(","), { x: at.x + width, y: at.y });
      return { ...candidate, column, from, at };
    }),
  );
};

const starts = (path, whole) => path.every((token, i) => token === whole[i]);

const node = (place, words, best, width) => {
  const { from, at, path, logProb, fate } = place;
  const chosen = best != null && path.length <= best.path.length && starts(path, best.path);
  const bend = (at.x - from.x) / 2;
  const word = words[path.at(-1)] ?? String(path.at(-1));
  return tx.svg(
    "g",
    {
      class: `tx-node ${fates[fate]}${chosen ? " tx-chosen" : ""}`,
      "data-path": path.join(","),
      "data-log-prob": logProb,
      "data-fate": fate,
    },
    tx.svg(
      "title",
      {},
      `${path.map((t) => words[t] ?? t).join(" ")}: ${tx.number(logProb, 3)}, ${fate}`,
    ),
    tx.svg("path", {
      class: "tx-link",
      d: `M${from.x} ${from.y}C${from.x + bend} ${from.y} ${at.x - bend} ${at.y} ${at.x} ${at.y}`,
    }),
    tx.svg("rect", { x: at.x, y: at.y - HIGH / 2, width, height: HIGH, rx: 6 }),
    tx.svg("text", { x: at.x + 6, y: at.y - 7, class: "tx-token" }, fitting(word, width)),
    tx.svg("text", { x: at.x + 6, y: at.y + 9, class: "tx-sum" }, tx.number(logProb, 1)),
  );
};

const lines = (model) =>
  [
    "from txlite.viz.beams import search",
    "from txlite.viz.widgets.beam_tree import BeamTree",
    "",
    "figure = BeamTree.latest()  # carries what its model said",
    "steps, ended = search(",
    `    figure.scenes[${model.get("scene")}]["continuations"],`,
    `    eos_id=${model.get("eos")}, max_len=${model.get("max_len")},`,
    `    num_beams=${model.get("num_beams")}, length_penalty=${model.get("length_penalty")},`,
    ")",
    `steps = steps[:${model.get("step")}]  # as many as are shown`,
  ].join("\n");

const sentence = (path, words, eos) =>
  path
    .filter((t) => t !== eos)
    .map((t) => words[t] ?? t)
    .join(" ") || "(nothing)";

// What has ended, best first: sum, length and score, so that the penalty can be checked by hand.
const ranking = (ended, words, eos) => {
  const heads = ["finished so far", "sum", "length", "score"].map((h) =>
    tx.html("th", { scope: "col" }, h),
  );
  const rows = ended.map((e, i) =>
    tx.html(
      "tr",
      { class: i === 0 ? "tx-first" : null, "data-path": e.path.join(","), "data-score": e.score },
      tx.html("th", { scope: "row" }, sentence(e.path, words, eos)),
      tx.html("td", {}, tx.number(e.logProb)),
      tx.html("td", {}, String(e.path.length)),
      tx.html("td", {}, tx.number(e.score, 3)),
    ),
  );
  const empty = tx.html("tr", {}, tx.html("td", { colspan: 4 }, "nothing yet"));
  return tx.html(
    "table",
    { class: "tx-ended" },
    tx.html("thead", {}, tx.html("tr", {}, heads)),
    tx.html("tbody", {}, rows.length ? rows : empty),
  );
};

const render = ({ model, el }) => {
  const { controls, lead, stage, foot, status, watch, room } = tx.frame(el, model, {
    code: () => lines(model),
    play: {
      at: () => Math.min(model.get("step"), now().steps.length),
      go: (step) => tx.push(model, { step }),
      last: () => now().steps.length,
      pace: 1500,
      name: "word by word",
    },
    help: "Each column is one word more: the best extensions of all beams, with the logarithm of their probability so far. Framed ones go on, dashed red ones have ended.",
  });
  const get = (name) => model.get(name);
  const push = (values) => tx.push(model, values);
  const now = () =>
    search({
      continuations: get("scenes")[get("scene")].continuations,
      eos: get("eos"),
      maxLen: get("max_len"),
      count: get("num_beams"),
      penalty: get("length_penalty"),
    });
  const shown = (steps) => Math.min(get("step"), steps.length);
  const scene = tx.select({
    label: "Letter",
    value: get("scene"),
    oninput: (i) => push({ scene: Number(i) }),
    options: get("scenes").map((s, i) => ({ value: i, label: s.name })),
  });
  const beams = tx.slider({
    label: "Beams",
    min: 1,
    max: get("most"),
    step: 1,
    value: get("num_beams"),
    format: String,
    oninput: (v) => push({ num_beams: v }),
  });
  const penalty = tx.slider({
    label: "Length penalty",
    min: -1,
    max: 2,
    step: 0.25,
    value: get("length_penalty"),
    oninput: (v) => push({ length_penalty: v }),
  });
  const back = tx.button({
    label: "← back",
    onclick: () => push({ step: Math.max(0, shown(now().steps) - 1) }),
  });
  const next = tx.button({
    label: "on →",
    onclick: () => push({ step: Math.min(now().steps.length, shown(now().steps) + 1) }),
  });
  const start = tx.button({ label: "from the start", onclick: () => push({ step: 0 }) });
  const walk = tx.html(
    "div",
    { class: "tx-control tx-walk", role: "group", "aria-label": "Word by word" },
    start.root,
    back.root,
    next.root,
  );
  tx.rove(walk);
  controls.append(scene.root, beams.root, penalty.root);
  lead.prepend(walk);
  const picture = tx.html("div", {
    class: "tx-scroll tx-tree",
    tabindex: 0,
    role: "region",
    "aria-label": "The tree",
  });
  const list = tx.html("div", { class: "tx-list" });
  stage.append(picture, list);
  const twin = tx.twin();
  foot.append(twin.root);
  const draw = () => {
    const [words, eos] = [get("words"), get("eos")];
    const { steps, ended } = now();
    const upto = shown(steps);
    const seen = steps.slice(0, upto);
    const over = upto === steps.length;
    const sofar = over ? ended : soFar(seen, get("num_beams"), get("length_penalty"));
    [scene.value, beams.value, penalty.value] = [
      get("scene"),
      get("num_beams"),
      get("length_penalty"),
    ];
    back.input.disabled = start.input.disabled = upto === 0;
    next.input.disabled = over;
    const side = widthFor(steps.length, room() - 4);
    const [width, height] = [LEFT + steps.length * (side + GAP), ROW * 2 * get("num_beams") + 12];
    picture.replaceChildren(
      tx.svg(
        "svg",
        {
          viewBox: `0 0 ${width} ${height}`,
          width,
          height,
          role: "img",
          "aria-label": "Tree of candidates; the table below has its numbers",
        },
        tx.svg("circle", { cx: 5, cy: (2 * ROW) / 3, r: 5, class: "tx-root" }),
        placed(seen, side).map((place) => node(place, words, over ? ended[0] : null, side)),
      ),
    );
    list.replaceChildren(ranking(sofar, words, eos));
    if (!over) picture.scrollLeft = Math.max(0, LEFT + upto * (side + GAP) - picture.clientWidth);
    status(
      over
        ? `After ${upto} words: “${sentence(ended[0].path, words, eos)}”, score ${tx.number(ended[0].score, 3)}.`
        : `Word ${upto} of ${steps.length}: ${sofar.length} of ${get("num_beams")} finished sentences are kept.`,
    );
    twin.update({
      caption: "All candidates",
      columns: ["sentence so far", "log-probability", "fate"],
      rows: seen.flat().map((c) => [c.path.map((t) => words[t] ?? t).join(" "), c.logProb, c.fate]),
    });
  };
  return watch(draw);
};

// The finished ones after some of the steps.
const soFar = (steps, count, penalty) =>
  steps.reduce((ended, step, i) => {
    const fresh = step
      .filter((c) => c.fate === "ends")
      .map((c) => ({ ...c, score: c.logProb / (i + 1) ** penalty }));
    return [...ended, ...fresh].sort((a, b) => b.score - a.score).slice(0, count);
  }, []);

export default { render };
