// The layer viewer: words down the side, layers across, and the way back of one vector.

const ROW = 30; // height of a word, in pixels; on a phone there is less
const LOW = 25;
const STEP = 100; // width of a layer, in the picture's own units

// What Python's LayerViewer.gather computes.
const gather = ({ maps, probabilities, word, layer, residual }) => {
  const size = maps[0].length;
  const ways = residual
    ? maps.map((map) => map.map((row, i) => row.map((a, j) => (a + (i === j ? 1 : 0)) / 2)))
    : maps;
  let shares = [tx.range(size).map((t) => (t === word ? 1 : 0))];
  for (let l = layer - 1; l >= 0; l -= 1) {
    const above = shares[0];
    shares = [tx.range(size).map((j) => tx.sum(above.map((s, i) => s * ways[l][i][j]))), ...shares];
  }
  return { shares, ways, answers: probabilities[layer][word] };
};

const best = (row) => row.indexOf(Math.max(...row));
const dot = (x, y) => `M${x} ${y}h0.01`;

const lines = (model) => {
  const [text, word, layer, residual] = ["text", "word", "layer", "residual"].map((name) =>
    model.get(name),
  );
  return [
    "import torch",
    "",
    "from txlite.viz.widgets.layer_viewer import LayerViewer",
    "",
    "figure = LayerViewer.latest()  # carries what its model computed",
    `maps = figure.numbers["${text}.maps"].double()  # of each layer, the mean of its heads`,
    ...(residual ? ["maps = (maps + torch.eye(maps.shape[-1])) / 2  # half goes straight on"] : []),
    `shares = torch.eye(maps.shape[-1], dtype=maps.dtype)[${word}]`,
    `for layer in reversed(range(${layer})):`,
    "    shares = shares @ maps[layer]",
    `answers = figure.numbers["${text}.probabilities"][${layer}, ${word}].double()`,
  ].join("\n");
};

const picture = ({ shares, ways }, row) => {
  const y = (t) => (t + 0.5) * row;
  const lines = [];
  const dots = [];
  shares.forEach((level, l) =>
    level.forEach((share, t) => {
      const style = `stroke-width: ${3 + 15 * Math.sqrt(share)}; stroke-opacity: ${0.12 + 0.88 * Math.sqrt(share)}`;
      dots.push(
        tx.svg("path", {
          class: "lv-dot",
          d: dot(l * STEP, y(t)),
          style,
          "data-layer": l,
          "data-word": t,
          "data-value": share,
        }),
      );
      if (l === 0) return;
      ways[l - 1][t].forEach((a, j) => {
        const flow = share * a;
        if (flow < 0.004) return;
        const [x0, x1, mid] = [(l - 1) * STEP, l * STEP, (l - 0.5) * STEP];
        lines.push(
          tx.svg("path", {
            class: j === t ? "lv-line lv-straight" : "lv-line",
            d: `M${x0} ${y(j)}C${mid} ${y(j)} ${mid} ${y(t)} ${x1} ${y(t)}`,
            style: `stroke-width: ${0.6 + 12 * Math.sqrt(flow) * Math.sqrt(flow)}; stroke-opacity: ${0.15 + 0.75 * Math.sqrt(flow)}`,
          }),
        );
      });
    }),
  );
  return [...lines, ...dots];
};

const render = ({ model, el }) => {
  const { controls, lead, stage, foot, status, watch, room } = tx.frame(el, model, {
    code: () => lines(model),
    play: {
      at: () => model.get("layer"),
      go: (layer) => tx.push(model, { layer }),
      last: () => model.get("num_layers"),
      pace: 1500,
      name: "layer by layer",
    },
    help: "Choose a word and a layer. The lines lead back to the words that its vector was gathered from.",
  });
  const texts = model.get("texts");
  const [N, names] = [model.get("num_layers"), model.get("answers")];
  const numbers = tx.tensors(model.get("numbers"));
  const [maps, probabilities] = ["maps", "probabilities"].map((name) =>
    texts.map((_, i) => tx.nested(numbers[`${i}.${name}`])),
  );

  const options = texts.map(({ words }, i) => ({ value: i, label: words.join("") }));
  const lastWord = (i) => texts[i].words.findLastIndex((w) => w === "她" || w === "他");
  const choice = tx.select({
    label: "Story",
    options,
    value: model.get("text"),
    oninput: (v) => tx.push(model, { word: Math.max(0, lastWord(Number(v))), text: Number(v) }),
  });
  const slider = tx.slider({
    label: "after layer",
    min: 0,
    max: N,
    step: 1,
    value: model.get("layer"),
    format: String,
    oninput: (v) => tx.push(model, { layer: v }),
  });
  const residual = tx.checkbox({
    label: "half goes straight on",
    value: model.get("residual"),
    oninput: (v) => tx.push(model, { residual: v }),
  });
  controls.append(choice.root, residual.root);
  lead.prepend(slider.root);

  const gloss = tx.html("p", { class: "lv-gloss" });
  const list = tx.html("div", { class: "lv-words", role: "group", "aria-label": "Words" });
  const heads = tx.html(
    "div",
    { class: "lv-heads", "aria-hidden": "true" },
    tx.range(N + 1).map((l) => tx.html("span", {}, l ? String(l) : "words")),
  );
  const svg = tx.svg("svg", {
    class: "lv-picture",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  const board = tx.html(
    "div",
    { class: "lv-board" },
    list,
    tx.html("div", { class: "lv-right" }, heads, svg),
  );
  const bars = names.map((name) => {
    const bar = tx.html("span", { class: "lv-bar" });
    const value = tx.html("span", { class: "lv-value" });
    const row = tx.html(
      "div",
      { class: "lv-answer", "data-answer": name },
      tx.html("span", {}, name),
      tx.html("span", { class: "lv-rail" }, bar),
      value,
    );
    return { row, bar, value };
  });
  const panel = tx.html(
    "div",
    { class: "lv-panel" },
    tx.html("p", { class: "lv-ask" }),
    bars.map((b) => b.row),
  );
  stage.append(gloss, board, panel);
  tx.rove(list);
  const row = room() < 420 ? LOW : ROW;
  board.style.setProperty("--lv-row", `${row}px`);
  const twin = tx.twin();
  foot.append(twin.root);

  let built = null;
  let buttons = [];
  const build = (text) => {
    buttons = texts[text].words.map((word, t) => {
      const share = tx.html("small", {});
      const button = tx.html(
        "button",
        { type: "button", class: "lv-word", onclick: () => tx.push(model, { word: t }) },
        tx.html("span", {}, word),
        share,
      );
      return { button, share };
    });
    list.replaceChildren(...buttons.map((b) => b.button));
    gloss.textContent = texts[text].gloss;
    const height = texts[text].words.length * row;
    svg.setAttribute("viewBox", `0 0 ${N * STEP} ${height}`);
    svg.style.height = `${height}px`;
    built = text;
  };

  const draw = () => {
    const [text, word, layer] = ["text", "word", "layer"].map((name) => model.get(name));
    if (text !== built) build(text);
    const words = texts[text].words;
    const now = gather({
      maps: maps[text],
      probabilities: probabilities[text],
      word,
      layer,
      residual: model.get("residual"),
    });
    choice.value = text;
    slider.value = layer;
    residual.value = model.get("residual");
    svg.replaceChildren(...picture(now, row));
    buttons.forEach(({ button, share }, t) => {
      const value = now.shares[0][t];
      button.setAttribute("aria-pressed", String(t === word));
      button.dataset.share = value;
      button.style.setProperty("--share", Math.sqrt(value));
      share.textContent = value >= 0.005 ? tx.percent(value) : "";
    });
    panel.firstChild.textContent = `Where is ${words[word]}? ${layer ? `After layer ${layer}` : "Before any layer"}:`;
    const top = best(now.answers);
    bars.forEach(({ row, bar, value }, a) => {
      row.dataset.value = now.answers[a];
      row.classList.toggle("lv-top", a === top);
      bar.style.width = `${100 * now.answers[a]}%`;
      value.textContent = tx.percent(now.answers[a]);
    });
    const others = now.shares[0].map((s, t) => (t === word ? -1 : s));
    const from = best(others);
    const share = `${words[from]} (${tx.percent(others[from])})`;
    const source = layer
      ? others[from] > 0.5
        ? `most of it is from ${share}`
        : `the largest share from another word is that of ${share}`
      : "it is still only itself";
    twin.update({
      caption: `How much of ${words[word]}'s vector was where, after each layer`,
      columns: ["word", ...now.shares.map((_, l) => (l ? `layer ${l}` : "words"))],
      rows: words.map((w, t) => [w, ...now.shares.map((level) => level[t])]),
    });
    status(
      `${words[word]}, ${layer ? `after layer ${layer}` : "before any layer"}: ${source}; it would answer ${names[top]} (${tx.percent(now.answers[top])}).`,
    );
  };
  return watch(draw);
};

export default { render };
