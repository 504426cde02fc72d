// The translator: a sentence is typed, the model in this page translates it, and lines between the
// two columns show where the decoder looked for each piece. Needs `tokens`, `doubts` and `picture`.

const SPECIAL = { bos: 1, eos: 2, unk: 3 };
const CODES = { French: "fr", Chinese: "zh" }; // what a direction begins with, and its `lang`

// The average of a layer's heads.
const mean = (heads) => heads[0].map((_, s) => tx.sum(heads.map((row) => row[s])) / heads.length);

// Everything that a sentence gives, or null where there is nothing to translate.
const translate = ({ reads, writes, model, names, known }, typed, longest) => {
  const letters = [...typed];
  const sentence = tokens.tidy(letters.slice(0, LONGEST_TYPED).join(""), names);
  const source = reads.encode(sentence);
  if (source.length === 0) return null;
  const start = performance.now();
  const memory = model.encode([...source, SPECIAL.eos]);
  const told = tx
    .greedy(model, { memory, prompt: [SPECIAL.bos], eos: SPECIAL.eos, longest })
    .map(({ token, probability, cross }) => ({ token, probability, maps: cross.map(mean) }));
  const pieces = told.filter(({ token }) => token !== SPECIAL.eos);
  const words = source.map((id) => (id === SPECIAL.unk ? "?" : reads.piece(id)));
  return {
    sentence,
    source,
    words,
    writes,
    cut: letters.length > LONGEST_TYPED ? letters.length : 0,
    known,
    unknown: reads.unknown(sentence),
    unmet: known && [...new Set(tokens.words(sentence, known).filter((word) => !known.has(word)))],
    read: coverage(told, words),
    pieces,
    text: writes.decode(pieces.map(({ token }) => token)),
    ended: pieces.length < told.length,
    seconds: (performance.now() - start) / 1000,
  };
};

const numbers = (now, layer) => ({
  caption: `Each piece of the translation: how sure the model is, and its attention to the source`,
  columns: ["piece", "probability", ...now.words, "end"],
  rows: now.pieces.map(({ token, probability, maps }) => [
    now.writes.piece(token),
    probability,
    ...looks(maps, layer),
  ]),
});

const report = ({ pieces, seconds }) => {
  const least = Math.min(1, ...pieces.map(({ probability }) => probability));
  return (
    `${pieces.length} ${pieces.length === 1 ? "piece" : "pieces"} in ${tx.number(1000 * seconds, 0)} milliseconds, in this page; ` +
    `least sure of one: ${tx.percent(least)}.`
  );
};

// The same translation in Python, from the weights that the figure carries.
const lines = (model, sentence) => {
  const n = model.get("language");
  const { direction } = model.get("models")[n];
  return [
    ...tx.tokens.imports,
    "from txlite.generation import generate",
    "from txlite.models import Transformer, TransformerConfig",
    "from txlite.viz.widgets.translator import Translator",
    "",
    `figure, number = Translator.latest(), ${n}  # ${direction}; carries the trained models`,
    "tensors = {n: x.float() for n, x in figure.weights[number].tensors.items()}",
    "read, write = (",
    `    ${tx.tokens.inPython("figure.models[number][name]")}`,
    '    for name in ("source", "target")',
    ")",
    'hidden, width = tensors["encoder.layers.0.feed_forward.up_proj.weight"].shape',
    'separate = tensors.get("source_embedding.weight")',
    "config = TransformerConfig(",
    '    vocab_size=len(tensors["embedding.weight"]),',
    "    source_vocab_size=None if separate is None else len(separate),",
    '    d_model=width, d_ff=hidden, tied_output="output.weight" not in tensors,',
    '    **figure.models[number]["config"],',
    ")",
    "model = Transformer(config).eval()",
    "model.load_state_dict(tensors)",
    `source = torch.tensor([[*read.encode(${tx.python(sentence)}), read.eos_id]])`,
    "tokens = generate(",
    `    model, torch.tensor([[1]]), source=source, max_new_tokens=${model.get("longest")}, eos_id=2`,
    ")[0, 1:].tolist()",
    "translation = write.decode([token for token in tokens if token != 2])",
  ].join("\n");
};

// The words that the model has met, to read and to copy from; nothing where they are not given. They
// are put in order when they are first shown.
const dictionary = () => {
  const list = tx.html("p", {
    class: "tx-words",
    tabindex: 0,
    role: "region",
    "aria-label": "The words it knows",
  });
  const root = tx.html(
    "details",
    { class: "tx-twin" },
    tx.html("summary", {}, "The words it knows"),
    list,
  );
  let [shown, known] = [null, null];
  const show = () => {
    if (!root.open || shown === known) return;
    shown = known;
    const { words, code } = known;
    const order = new Intl.Collator(code || "fr", { ignorePunctuation: true });
    list.textContent = [...words].sort(order.compare).join(code === "zh" ? "、" : ", ");
    tx.fill(list, { lang: code }, []);
  };
  root.addEventListener("toggle", show);
  const update = (about) => {
    if (known?.words !== about.words) known = about;
    root.hidden = known.words.length === 0;
    show();
  };
  return { root, update };
};

// What is known of the chosen model before it is there.
const facts = (model) => {
  const { direction, config, words } = model.get("models")[model.get("language")];
  const layers = config.num_decoder_layers ?? config.num_layers;
  return { code: CODES[direction.split(" ")[0]] ?? "", layers, words };
};

// The models, each fetched and unpacked when it is first wanted. loaded() is the one that is chosen,
// or null; coming() is when it will be there.
const shelf = (model, status) => {
  const [ready, waiting] = [new Map(), new Map()];
  const open = async (n) => {
    const weights = await tx.arrived(status, tx.weightsOf(model, model.get("weights")[n]));
    const { config, source, target, names, words } = model.get("models")[n];
    ready.set(n, {
      reads: tx.tokens.load(source),
      writes: tx.tokens.load(target),
      model: tx.transformer(config, weights),
      known: words.length ? new Set(words) : null,
      names,
    });
  };
  const chosen = () => model.get("language");
  const coming = () => {
    const n = chosen();
    if (!waiting.has(n)) {
      waiting.set(n, open(n));
      waiting.get(n).catch(() => waiting.delete(n)); // who asks again fetches again
    }
    return waiting.get(n);
  };
  return { loaded: () => ready.get(chosen()) ?? null, coming };
};

const panel = (model) => {
  const languages = model.get("models");
  const direction = tx.select({
    label: "Language",
    options: languages.map(({ direction: label }, value) => ({ value, label })),
    value: model.get("language"),
    oninput: (v) =>
      tx.push(model, { language: Number(v), sentence: languages[Number(v)].examples[0] }),
  });
  const box = tx.textbox({
    label: "Sentence",
    value: model.get("sentence"),
    maxlength: null,
    whole: true,
    oninput: (v) => tx.push(model, { sentence: v }),
  });
  tx.fill(box.input, { "data-control": "" }, []);
  let at = 0;
  const another = tx.button({
    label: "another example",
    onclick: () => {
      const { examples } = languages[model.get("language")];
      at = (at + 1) % examples.length;
      tx.push(model, { sentence: examples[at] });
    },
  });
  const options = () => {
    return [
      { value: -1, label: "all layers, averaged" },
      ...tx.range(facts(model).layers).map((n) => ({ value: n, label: `layer ${n + 1}` })),
    ];
  };
  const show = () => {
    direction.value = model.get("language");
    if (box.value !== model.get("sentence")) box.value = model.get("sentence");
    tx.fill(box.input, { lang: facts(model).code }, []);
  };
  return { direction, box, another, options, show, several: languages.length > 1 };
};

const render = async ({ model, el }) => {
  let now = null;
  const { controls, stage, foot, status, watch } = tx.frame(el, model, {
    code: () => lines(model, now?.sentence ?? ""),
    help: "Type a sentence with words that the model has met, at most 200 characters. Nothing you type leaves this page: the model runs in it.",
  });
  const { loaded, coming } = shelf(model, status);
  const parts = panel(model);
  const chosen = () => model.get("layer");
  const layers = tx.select({
    label: "Attention of",
    options: parts.options(),
    value: chosen(),
    oninput: (v) => tx.push(model, { layer: Number(v) }),
  });
  controls.append(
    ...(parts.several ? [parts.direction.root] : []),
    parts.box.root,
    parts.another.root,
    layers.root,
  );
  const note = tx.html("p", { class: "tx-note", "aria-live": "polite" });
  const answer = tx.html("p", {
    class: "tx-answer",
    "data-effect": "",
    lang: "en",
    "aria-live": "polite",
  });
  const holder = tx.html("div", { class: "tx-picture" });
  tx.rove(holder, { items: ".tx-target" });
  tx.rove(note);
  const [vocabulary, twin] = [dictionary(), tx.twin()];
  stage.append(note, answer, holder);
  foot.append(vocabulary.root, twin.root);

  const say = (node, text) => node.textContent === text || (node.textContent = text); // once, not at every key
  const tell = (data) =>
    Object.entries(data).forEach(([name, value]) => (stage.dataset[name] = JSON.stringify(value)));
  // A word that may be meant stands in the note as a button, which puts it into the sentence.
  const mend = (word, meant) => {
    const letters = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const sentence = model
      .get("sentence")
      .replace(new RegExp(`(?<![\\p{L}\\p{N}])${letters}(?![\\p{L}\\p{N}])`, "iu"), meant);
    tx.push(model, { sentence });
    parts.box.input.focus();
  };
  const warn = (told) => {
    const text = told
      .map((part) => (typeof part === "string" ? part : `“${part.meant}”`))
      .join("")
      .trim();
    if (note.textContent.trim() === text) return;
    note.replaceChildren(
      ...told.map((part) =>
        typeof part === "string"
          ? part
          : tx.html(
              "button",
              {
                type: "button",
                class: "tx-meant",
                lang: facts(model).code,
                onclick: () => mend(part.word, part.meant),
              },
              `“${part.meant}”`,
            ),
      ),
    );
  };
  const paint = () => {
    if (!now) {
      twin.update({
        caption: "Nothing is translated",
        columns: ["piece", "probability"],
        rows: [],
      });
      return holder.replaceChildren();
    }
    holder.replaceChildren(
      picture(now, facts(model).code, chosen(), holder.clientWidth, (said) =>
        status(said ?? report(now)),
      ),
      legend(now),
    );
    return twin.update(numbers(now, chosen()));
  };
  const draw = () => {
    parts.show();
    layers.value = chosen();
    vocabulary.update(facts(model));
    if (!loaded()) return coming().then(draw);
    now = translate(loaded(), model.get("sentence"), model.get("longest"));
    say(answer, now ? now.text : "");
    warn(now ? doubts(now) : ["Type a sentence, or ask for an example."]);
    note.classList.toggle("tx-warned", now !== null && note.textContent !== "");
    tell({
      source: now?.source ?? [],
      sentence: now?.sentence ?? "",
      words: tokens.words(now?.sentence ?? "", now?.known),
    });
    tell({ language: model.get("language"), read: now?.read.mean ?? 0 });
    tell({
      tokens: now?.pieces.map(({ token }) => token) ?? [],
      probabilities: now?.pieces.map(({ probability }) => probability) ?? [],
    });
    paint();
    return status(now ? report(now) : "");
  };
  await coming();
  const ends = watch(draw);
  let room = holder.clientWidth;
  const watcher = new ResizeObserver(() => {
    if (columns(room).width !== columns(holder.clientWidth).width) paint();
    room = holder.clientWidth;
  });
  watcher.observe(holder);
  return () => {
    watcher.disconnect();
    ends();
  };
};

export default { render };
