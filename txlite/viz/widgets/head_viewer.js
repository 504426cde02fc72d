// The head viewer: words down the side, heads across; above, where each head looks from the verb;
// below, what each head contributes to the right answers. Words and heads answer to the reader.

const ROW = 36; // height of a row of words, in pixels: the arcs count on it

const times = (matrix, vector) => matrix.map((row) => tx.dot(row, vector)); // W x
const slices = (vector, count) => {
  const width = vector.length / count;
  return tx.range(count).map((i) => vector.slice(i * width, (i + 1) * width));
};
const mean = (xs) => tx.sum(xs) / xs.length;

// What Python's HeadViewer.read computes, in the same order.
const compute = (w, { numbers, verb, places, numHeads, silenced, Q }) => {
  const x = numbers.map((n, t) => w.word[n].map((c, d) => c + w.place[t][d]));
  const query = slices(times(w.query, x[verb]), numHeads);
  const keys = x.map((v) => slices(times(w.key, v), numHeads));
  const values = x.map((v) => slices(times(w.value, v), numHeads));
  const root = Math.sqrt(query[0].length);
  const weights = query.map((q, h) => tx.softmax(keys.map((k) => tx.dot(q, k[h]) / root)));
  const each = weights.map((row, h) => {
    // what head h alone adds to the answers' vectors
    const z = new Array(w.output.length).fill(0);
    if (!silenced.includes(h)) {
      row.forEach((a, t) =>
        values[t][h].forEach((c, e) => {
          z[h * values[t][h].length + e] += a * c;
        }),
      );
    }
    return times(w.form, times(w.output, z));
  });
  const total = w.bias.map((b, i) => b + tx.sum(each.map((part) => part[i])));
  const probabilities = slices(total, Q).map((answer) => tx.softmax(times(w.word, answer)));
  const centre = tx.range(w.word[0].length).map((d) => mean(w.word.map((v) => v[d])));
  const right = places.map((p) => (p == null ? 0 : numbers[p]));
  const votes = right.map((r, q) =>
    each.map((part) =>
      tx.dot(
        w.word[r].map((c, d) => c - centre[d]),
        slices(part, Q)[q],
      ),
    ),
  );
  return { weights, votes, probabilities, right };
};

// What is shown, as txlite computes it: one query, every word a key, heads side by side.
const lines = (model) => {
  const told = model.get("examples")[model.get("example")];
  const [reader, heads] = [model.get("reader"), model.get("heads")[model.get("reader")]];
  const numbers = model.get("sentence").map((word) => model.get("words").indexOf(word));
  const off = model.get("silenced");
  return [
    "import torch",
    "",
    "from txlite.nn import attention_weights",
    "from txlite.viz.widgets.head_viewer import HeadViewer",
    "from txlite.viz.widgets.tensors import Tensors",
    "",
    "figure = HeadViewer.latest()  # carries the trained models",
    `w = {name: x.double() for name, x in Tensors.part(figure.weights, "${reader}.").items()}`,
    `heads = (${heads}, -1)  # the width of the model, cut into heads`,
    `x = w["word"][${tx.python(numbers)}] + w["place"][:${numbers.length}]  # ${written(model.get("sentence"))}`,
    `query = (x[${told.verb}] @ w["query"].T).unflatten(-1, heads)[:, None]`,
    'key, value = ((x @ w[n].T).unflatten(-1, heads).transpose(0, 1) for n in ("key", "value"))',
    "weights = attention_weights(query, key)[:, 0]",
    "z = (weights[:, None] @ value)[:, 0]",
    ...(off.length ? [`z[${tx.python(off)}] = 0.0  # silent`] : []),
    'answers = (z.flatten() @ w["output"].T) @ w["form"].T + w["bias"]',
    `probabilities = (answers.unflatten(0, (${model.get("questions").length}, -1)) @ w["word"].T).softmax(-1)`,
  ].join("\n");
};

const best = (row) => row.indexOf(Math.max(...row));
const written = (words) =>
  words.join(words.some((w) => /\p{Script=Han}/u.test(w)) ? "" : " ").replaceAll("’ ", "’");
const said = (word) => word || "not said";

// Arcs on the left, from the verb to the words: the thicker, the more is taken.
const arcs = (verb, rows) => {
  const y = (t) => (t + 0.5) * ROW;
  return rows.flatMap(({ weights, faint }) =>
    weights
      .map((a, t) => {
        if (a < 0.02) return null;
        const style = `stroke-width: ${0.5 + 5 * a}; stroke-opacity: ${(faint ? 0.25 : 0.85) * Math.sqrt(a)}`;
        const reach = Math.min(46, 10 + 9 * Math.abs(t - verb));
        const d =
          t === verb
            ? `M50 ${y(t) - 5}C38 ${y(t) - 12} 38 ${y(t) + 12} 50 ${y(t) + 5}`
            : `M50 ${y(verb)}C${50 - reach} ${y(verb)} ${50 - reach} ${y(t)} 50 ${y(t)}`;
        return tx.svg("path", { class: "tx-arc", d, style });
      })
      .filter(Boolean),
  );
};

const wordCell = (model, told, t, { onchange }) => {
  const word = told.words[t];
  const group = model.get("groups").find((g) => g.includes(word));
  if (t === told.verb)
    return {
      root: tx.html(
        "strong",
        { class: "tx-verb" },
        word,
        tx.html("span", { class: "tx-asks" }, "asks"),
      ),
      set() {},
    };
  if (!group) return { root: tx.html("span", { class: "tx-fixed" }, word), set() {} };
  const input = tx.html(
    "select",
    { "aria-label": `word ${t + 1}` },
    group.map((w) => tx.html("option", { value: w }, w)),
  );
  input.addEventListener("input", () => onchange(t, input.value));
  return {
    root: input,
    set: (next) => {
      input.value = next;
    },
  };
};

// One cell of the grid; its number is there for eyes, ears and tests.
const paint = (cell, value, limit, digits) => {
  cell.dataset.value = value;
  cell.firstChild.textContent = Math.abs(value) < 0.005 ? "0" : tx.number(value, digits);
  cell.lastChild.textContent = digits === 2 ? String(Math.round(100 * value)) : tx.number(value, 0); // where there is no room
  cell.style.setProperty("--share", tx.clamp(Math.abs(value) / limit, 0, 1));
  cell.classList.toggle("tx-against", value < 0);
};
const gridCell = (h, kind) =>
  tx.html(
    "td",
    { class: "tx-heat", "data-head": h, "data-kind": kind },
    tx.html("span"),
    tx.html("span", { class: "tx-short", "aria-hidden": "true" }),
  );

const build = (model, act) => {
  const told = model.get("examples")[model.get("example")];
  const numHeads = model.get("heads")[model.get("reader")];
  const heads = tx.range(numHeads);
  const switches = heads.map((h) => {
    const input = tx.html("input", {
      type: "checkbox",
      "aria-label": `head ${h} on`,
      "data-head": h,
    });
    input.addEventListener("input", () => act.toggle(h));
    return {
      input,
      root: tx.html("th", { scope: "col", "data-head": h }, tx.html("label", {}, String(h), input)),
    };
  });
  const height = told.words.length * ROW;
  const picture = tx.svg("svg", {
    class: "tx-arcs",
    viewBox: `0 0 52 ${height}`,
    preserveAspectRatio: "none",
    style: `height: ${height}px`,
    "aria-hidden": "true",
  });
  const words = told.words.map((_, t) => wordCell(model, told, t, { onchange: act.exchange }));
  const looks = told.words.map(() => heads.map((h) => gridCell(h, "weight")));
  const lines = words.map((word, t) =>
    tx.html(
      "tr",
      { class: t === told.verb ? "tx-asking" : null },
      t === 0 ? tx.html("td", { class: "tx-left", rowspan: told.words.length }, picture) : null,
      tx.html("th", { scope: "row" }, word.root),
      looks[t],
    ),
  );
  const answers = model.get("questions").map((question) => {
    const answer = tx.html("b", {});
    const sure = tx.html("small", {});
    const cells = heads.map((h) => gridCell(h, "vote"));
    const row = tx.html(
      "tr",
      { "data-question": question },
      tx.html(
        "th",
        { scope: "row", colspan: 2 },
        tx.html("span", { class: "tx-question" }, question),
        " ",
        answer,
        " ",
        sure,
      ),
      cells,
    );
    return { row, answer, sure, cells };
  });
  const section = (text) =>
    tx.html(
      "tr",
      { class: "tx-section" },
      tx.html("th", { colspan: 3 + numHeads, scope: "rowgroup" }, text),
    );
  const filler = () => tx.html("td", { class: "tx-filler" });
  const table = tx.html(
    "table",
    { class: "tx-grid-table" },
    tx.html(
      "thead",
      {},
      tx.html(
        "tr",
        {},
        tx.html("th", { colspan: 2, scope: "col" }, numHeads > 1 ? "heads" : "head"),
        switches.map((s) => s.root),
        filler(),
      ),
    ),
    tx.html(
      "tbody",
      {},
      section(`Where each head looks, asked from ${told.words[told.verb]}`),
      lines,
    ),
    tx.html(
      "tbody",
      {},
      section("What is answered, and how much each head adds to the right answer"),
      answers.map((a) => a.row),
    ),
  );
  for (const type of ["pointerover", "focusin"]) {
    table.addEventListener(type, (event) =>
      act.focus(event.target.closest("[data-head]")?.dataset.head ?? null),
    );
  }
  table.addEventListener("pointerleave", () => act.focus(null));
  return { table, switches, words, looks, answers, picture, told };
};

const update = (view, model, now, focus) => {
  const silenced = model.get("silenced");
  view.switches.forEach(({ input }, h) => {
    input.checked = !silenced.includes(h);
  });
  view.words.forEach((word, t) => word.set(model.get("sentence")[t]));
  view.looks.forEach((row, t) => row.forEach((cell, h) => paint(cell, now.weights[h][t], 1, 2)));
  const limit = Math.max(1, ...now.votes.flat().map(Math.abs));
  view.answers.forEach(({ row, answer, sure, cells }, q) => {
    const top = best(now.probabilities[q]);
    const right = top === now.right[q];
    row.classList.toggle("tx-wrong", !right);
    row.classList.toggle("tx-unsaid", top === 0);
    row.dataset.probability = now.probabilities[q][top];
    row.dataset.answer = model.get("words")[top];
    answer.textContent = said(model.get("words")[top]);
    sure.textContent = `${right ? "✓" : `✗ (${said(model.get("words")[now.right[q]])})`} ${tx.percent(now.probabilities[q][top])}`;
    cells.forEach((cell, h) => paint(cell, now.votes[q][h], limit, 1));
  });
  view.table.querySelectorAll("[data-head]").forEach((cell) => {
    cell.classList.toggle("tx-silent", silenced.includes(Number(cell.dataset.head)));
    cell.classList.toggle("tx-focused", cell.dataset.head === focus);
  });
  const drawn = now.weights
    .map((weights, h) => ({ weights, h }))
    .filter(({ h }) => !silenced.includes(h) || String(h) === focus);
  view.picture.replaceChildren(
    ...arcs(
      view.told.verb,
      drawn.map(({ weights, h }) => ({ weights, faint: focus != null && String(h) !== focus })),
    ),
  );
};

const marks = ({ probabilities, right }) => {
  const good = probabilities.filter((row, q) => best(row) === right[q]).length;
  return `${good} of ${right.length} answers right`;
};

const sentenceOf = (model, now) => {
  const [word, questions] = [model.get("words"), model.get("questions")];
  const told = model.get("examples")[model.get("example")];
  const got = now.probabilities.map(best);
  const [who, whom] = ["who", "whom"].map((q) => word[got[questions.indexOf(q)]]);
  const report = [who || "someone", told.words[told.verb], whom].filter(Boolean).join(" · ");
  return `${written(model.get("sentence"))}: understood as “${report}”; ${marks(now)}.`;
};

// What the head does that the reader points at.
const headSentence = (model, now, h) => {
  const top = best(now.weights[h]);
  const word = model.get("sentence")[top];
  const question = model.get("questions")[best(now.votes.map((row) => row[h]))];
  const off = model.get("silenced").includes(h);
  const helps = off ? "It is switched off" : `It helps most with “${question}”`;
  return `Head ${h} looks most at ${word} (${tx.percent(now.weights[h][top])}). ${helps}; ${marks(now)}.`;
};

const headsOf = (n) => (n === 1 ? "one wide head" : `${n} heads`);

const panel = (model, act) => {
  const label = ({ words, verb }) =>
    words.length > 3 ? `${written(words)} (${words[verb]})` : written(words);
  const options = model.get("examples").map((e, i) => ({ value: i, label: label(e) }));
  const choice = tx.select({
    label: "Sentence",
    options,
    value: model.get("example"),
    oninput: (v) => act.choose(Number(v)),
  });
  const readers = model
    .get("heads")
    .map((n, i) => tx.button({ label: headsOf(n), onclick: () => act.read(i) }));
  const swap = tx.button({ label: "⇄ swap who and whom", onclick: act.swap });
  const reset = tx.button({ label: "undo all", onclick: () => act.choose(model.get("example")) });
  const group = tx.html(
    "div",
    { class: "tx-control", role: "group", "aria-label": "Reader with" },
    tx.html("span", {}, "Reader with"),
    readers.map((r) => r.root),
  );
  const acts = tx.html(
    "div",
    { class: "tx-control", role: "group", "aria-label": "Change it" },
    swap.root,
    reset.root,
  );
  [group, acts].forEach((one) => tx.rove(one));
  const follow = () => {
    choice.value = model.get("example");
    readers.forEach((r, i) =>
      r.input.setAttribute("aria-pressed", String(i === model.get("reader"))),
    );
    swap.input.disabled = !act.canSwap();
  };
  return { roots: [choice.root, group, acts], follow };
};

const actions = (model, focus) => {
  const told = () => model.get("examples")[model.get("example")];
  const pair = () => ["who", "whom"].map((q) => told().places[model.get("questions").indexOf(q)]);
  return {
    focus,
    choose: (i) =>
      tx.push(model, { sentence: [...model.get("examples")[i].words], silenced: [], example: i }),
    read: (i) => tx.push(model, { silenced: [], reader: i }),
    toggle: (h) => {
      const off = model.get("silenced");
      tx.push(model, {
        silenced: off.includes(h) ? off.filter((o) => o !== h) : [...off, h].sort((a, b) => a - b),
      });
    },
    exchange: (t, word) =>
      tx.push(model, { sentence: model.get("sentence").map((w, i) => (i === t ? word : w)) }),
    canSwap: () => {
      const [a, b] = pair().map((p) => (p == null ? null : told().words[p]));
      return (
        a != null && b != null && model.get("groups").some((g) => g.includes(a) && g.includes(b))
      );
    },
    swap: () => {
      const [a, b] = pair();
      const words = [...model.get("sentence")];
      [words[a], words[b]] = [words[b], words[a]];
      tx.push(model, { sentence: words });
    },
  };
};

const render = ({ model, el }) => {
  const { controls, stage, foot, status, watch } = tx.frame(el, model, {
    code: () => lines(model),
    help: "Choose a sentence, exchange its words, switch heads off. Point at a head to follow it alone.",
  });
  const weights = tx.tensors(model.get("weights"));
  const readers = model
    .get("heads")
    .map((_, i) =>
      Object.fromEntries(
        Object.entries(tx.part(weights, `${i}.`)).map(([name, tensor]) => [
          name,
          tx.nested(tensor),
        ]),
      ),
    );
  let [view, built, focus, now] = [null, null, null, null];
  const act = actions(model, (h) => {
    if (h === focus) return;
    focus = h;
    update(view, model, now, focus);
    status(h == null ? sentenceOf(model, now) : headSentence(model, now, Number(h)));
  });
  const { roots, follow } = panel(model, act);
  controls.append(...roots);
  const scroll = tx.html("div", { class: "tx-scroll" });
  stage.append(scroll);
  const twin = tx.twin();
  foot.append(twin.root);
  const draw = () => {
    const key = `${model.get("reader")} ${model.get("example")}`;
    if (key !== built) {
      view = build(model, act);
      scroll.replaceChildren(view.table);
      view.table.tHead.dataset.control = "";
      tx.rove(view.table.tHead);
      tx.rove(view.table.tBodies[0]);
      [built, focus] = [key, null];
    }
    const { verb, places } = view.told;
    const words = model.get("words");
    now = compute(readers[model.get("reader")], {
      numbers: model.get("sentence").map((word) => words.indexOf(word)),
      verb,
      places,
      silenced: model.get("silenced"),
      numHeads: model.get("heads")[model.get("reader")],
      Q: model.get("questions").length,
    });
    update(view, model, now, focus);
    twin.update({
      caption: "Where each head looks, and how much it adds to each right answer",
      columns: ["", ...now.weights.map((_, h) => `head ${h}`)],
      rows: [
        ...model.get("sentence").map((word, t) => [word, ...now.weights.map((row) => row[t])]),
        ...model.get("questions").map((question, q) => [question, ...now.votes[q]]),
      ],
    });
    follow();
    status(focus == null ? sentenceOf(model, now) : headSentence(model, now, Number(focus)));
  };
  return watch(draw);
};

export default { render };
