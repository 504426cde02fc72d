// The translator: a sentence is typed, the model in this page translates it, and lines between the
// two columns show where the decoder looked for each piece. Needs `tokens` and `transformer`.

const SPECIAL = { bos: 1, eos: 2, unk: 3 };
const ROW = 32; // height of a line of the picture
const COLUMNS = { source: 150, from: 158, to: 292, target: 300, width: 440 };

// Everything that a sentence gives, or null where there is nothing to translate.
const translate = ({ reads, writes, model, names }, typed, longest) => {
  const sentence = tokens.tidy(typed, names);
  const source = reads.encode(sentence);
  if (source.length === 0) return null;
  const start = performance.now();
  const told = transformer.translate(model, [...source, SPECIAL.eos], { ...SPECIAL, longest });
  const pieces = told.filter(({ token }) => token !== SPECIAL.eos);
  return {
    source,
    words: source.map((id) => (id === SPECIAL.unk ? "?" : reads.piece(id))),
    unknown: reads.unknown(sentence),
    pieces,
    text: writes.decode(pieces.map(({ token }) => token)),
    ended: pieces.length < told.length,
    seconds: (performance.now() - start) / 1000,
  };
};

// The layer that is drawn: one of them, or their average.
const looks = (maps, layer) =>
  (layer === "all" ? maps[0].map((_, s) => tx.sum(maps.map((map) => map[s])) / maps.length) : maps[layer]);

const picture = (now, writes, layer, onpoint) => {
  const height = ROW * Math.max(now.words.length + 1, now.pieces.length);
  const y = (i, count) => (height - count * ROW) / 2 + (i + 0.5) * ROW;
  const label = `Where the decoder looked in “${now.words.join(" ")}” for each piece of “${now.text}”`;
  const svg = tx.svg("svg", { viewBox: `0 0 ${COLUMNS.width} ${height}`, class: "tx-alignment", role: "group", "aria-label": label });
  const sources = [...now.words, "end"];
  sources.forEach((word, s) => svg.append(tx.svg("text", {
    x: COLUMNS.source, y: y(s, sources.length), "text-anchor": "end", class: s < now.words.length ? "tx-piece" : "tx-piece tx-end",
  }, word)));
  now.pieces.forEach(({ token, probability, maps }, t) => {
    const row = looks(maps, layer);
    const target = y(t, now.pieces.length);
    const best = sources[row.indexOf(Math.max(...row))];
    const word = writes.piece(token);
    const said = `${word}: ${tx.percent(probability)} sure, looks most at ${best}`;
    const middle = (COLUMNS.from + COLUMNS.to) / 2;
    const lines = row.map((weight, s) => (weight < 0.03 ? null : tx.svg("path", {
      d: `M${COLUMNS.from} ${y(s, sources.length)}C${middle} ${y(s, sources.length)} ${middle} ${target} ${COLUMNS.to} ${target}`,
      class: "tx-link", style: `stroke-width: ${0.6 + 4 * weight}; stroke-opacity: ${0.15 + 0.8 * weight}`,
    })));
    const group = tx.svg("g", {
      class: "tx-target", tabindex: 0, role: "img", "aria-label": said, "data-token": token, "data-weights": JSON.stringify(row),
      onpointerenter: () => onpoint(said), onpointerleave: () => onpoint(null), onfocus: () => onpoint(said), onblur: () => onpoint(null),
    }, lines,
    tx.svg("rect", { x: COLUMNS.target - 4, y: target - ROW / 2, width: COLUMNS.width - COLUMNS.target + 4, height: ROW, class: "tx-hit" }),
    tx.svg("text", { x: COLUMNS.target, y: target, class: "tx-piece" }, word,
      tx.svg("tspan", { dx: 8, class: "tx-sure" }, tx.percent(probability))));
    svg.append(group);
  });
  return svg;
};

const warning = ({ unknown, ended }) => {
  if (unknown.length) return `Not in the vocabulary: ${unknown.map((word) => `“${word}”`).join(", ")}. The model reads “?” there.`;
  return ended ? "" : "The model did not come to an end: this sentence is beyond it.";
};

const numbers = (now, writes, layer) => ({
  caption: `Each piece of the translation: how sure the model is, and its attention to the source`,
  columns: ["piece", "probability", ...now.words, "end"],
  rows: now.pieces.map(({ token, probability, maps }) => [writes.piece(token), probability, ...looks(maps, layer)]),
});

const panel = (model, loaded) => {
  const languages = model.get("models");
  const direction = tx.select({
    label: "Language", options: languages.map(({ direction: label }, value) => ({ value, label })), value: model.get("language"),
    oninput: (v) => tx.push(model, { language: Number(v), sentence: languages[Number(v)].examples[0] }),
  });
  const box = tx.textbox({ label: "Sentence", value: model.get("sentence"), maxlength: 160, oninput: (v) => tx.push(model, { sentence: v }) });
  box.input.setAttribute("spellcheck", "false");
  let at = 0;
  const another = tx.button({ label: "another example", onclick: () => {
    const { examples } = languages[model.get("language")];
    at = (at + 1) % examples.length;
    tx.push(model, { sentence: examples[at] });
  } });
  const options = () => {
    const count = loaded().layers;
    return [{ value: "all", label: "all layers, averaged" }, ...tx.range(count).map((n) => ({ value: n, label: `layer ${n + 1}` }))];
  };
  return { direction, box, another, options, several: languages.length > 1 };
};

const render = ({ model, el }) => {
  const { controls, stage, foot, status } = tx.frame(el, model, {
    help: "Type a sentence with words that the model has met. Nothing you type leaves this page: the model runs in it.",
  });
  const ready = new Map(); // models are unpacked when they are first wanted
  const loaded = () => {
    const n = model.get("language");
    if (!ready.has(n)) {
      const { manifest, config, source, target, names } = model.get("models")[n];
      ready.set(n, {
        reads: tokens.load(source),
        writes: tokens.load(target),
        model: transformer.load(model.get("weights")[n], manifest, config),
        layers: config.num_decoder_layers ?? config.num_layers,
        names,
      });
    }
    return ready.get(n);
  };
  const parts = panel(model, loaded);
  let layer = "all";
  const layers = tx.select({ label: "Attention of", options: parts.options(), value: "all", oninput: (v) => {
    layer = v === "all" ? v : Number(v);
    draw();
  } });
  controls.append(...(parts.several ? [parts.direction.root] : []), parts.box.root, parts.another.root, layers.root);
  const answer = tx.html("p", { class: "tx-answer", lang: "en", "aria-live": "polite" });
  const note = tx.html("p", { class: "tx-note" });
  const holder = tx.html("div", { class: "tx-picture" });
  const twin = tx.twin();
  stage.append(answer, note, holder);
  foot.append(twin.root);

  const report = (now) => `${now.pieces.length} pieces in ${tx.number(1000 * now.seconds, 0)} milliseconds, in this page.`;
  const draw = () => {
    const { writes } = loaded();
    parts.direction.value = model.get("language");
    if (parts.box.value !== model.get("sentence")) parts.box.value = model.get("sentence");
    const now = translate(loaded(), model.get("sentence"), model.get("longest"));
    answer.textContent = now ? now.text : "";
    note.textContent = now ? warning(now) : "Type a sentence, or ask for an example.";
    stage.dataset.source = JSON.stringify(now?.source ?? []);
    stage.dataset.tokens = JSON.stringify(now?.pieces.map(({ token }) => token) ?? []);
    stage.dataset.probabilities = JSON.stringify(now?.pieces.map(({ probability }) => probability) ?? []);
    holder.replaceChildren(...(now ? [picture(now, writes, layer, (said) => status(said ?? report(now)))] : []));
    if (now) twin.update(numbers(now, writes, layer));
    status(now ? report(now) : "");
  };
  return tx.watch(model, ["language", "sentence"], draw);
};

export default { render };
