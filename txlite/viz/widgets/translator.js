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

const numbers = (now, writes, layer) => ({
  caption: `Each piece of the translation: how sure the model is, and its attention to the source`,
  columns: ["piece", "probability", ...now.words, "end"],
  rows: now.pieces.map(({ token, probability, maps }) => [
    writes.piece(token),
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
    "import json",
    "",
    "import torch",
    "from tokenizers import Tokenizer",
    "",
    "from txlite.data.tokenizers import BPE",
    "from txlite.generation import generate",
    "from txlite.models import Transformer, TransformerConfig",
    "from txlite.viz.widgets.tensors import Tensors",
    "from txlite.viz.widgets.translator import Translator",
    "",
    `figure, number = Translator.latest(), ${n}  # ${direction}; carries the trained models`,
    'tensors = Tensors.part(figure.weights, f"{number}.")',
    "tensors = {name: tensor.float() for name, tensor in tensors.items()}",
    "read, write = (",
    "    BPE(Tokenizer.from_str(json.dumps(figure.models[number][name])))",
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

// The words that the model has met, to read and to copy from; nothing where they are not given.
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
  let shown = null;
  const update = ({ words, code }) => {
    if (shown === words) return;
    shown = words;
    const order = new Intl.Collator(code ?? "fr", { ignorePunctuation: true });
    list.textContent = [...words].sort(order.compare).join(code === "zh" ? "、" : ", ");
    tx.fill(list, { lang: code ?? "" }, []);
    root.hidden = words.length === 0;
  };
  return { root, update };
};

// The models are unpacked when they are first wanted: returns the one that is chosen.
const opened = (model) => {
  const weights = tx.tensors(model.get("weights"));
  const ready = new Map();
  return () => {
    const n = model.get("language");
    if (!ready.has(n)) {
      const { direction, config, source, target: told, names, words } = model.get("models")[n];
      ready.set(n, {
        reads: tx.tokens.load(source),
        writes: tx.tokens.load(told),
        model: tx.transformer(config, tx.part(weights, `${n}.`)),
        layers: config.num_decoder_layers ?? config.num_layers,
        code: CODES[direction.split(" ")[0]],
        known: words.length ? new Set(words) : null,
        names,
        words,
      });
    }
    return ready.get(n);
  };
};

const panel = (model, loaded) => {
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
    oninput: (v) => tx.push(model, { sentence: v }),
  });
  tx.fill(box.input, { spellcheck: "false", "data-control": "" }, []);
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
    const count = loaded().layers;
    return [
      { value: -1, label: "all layers, averaged" },
      ...tx.range(count).map((n) => ({ value: n, label: `layer ${n + 1}` })),
    ];
  };
  const show = () => {
    direction.value = model.get("language");
    if (box.value !== model.get("sentence")) box.value = model.get("sentence");
    tx.fill(box.input, { lang: loaded().code ?? "" }, []);
  };
  return { direction, box, another, options, show, several: languages.length > 1 };
};

const render = ({ model, el }) => {
  let now = null;
  const { controls, stage, foot, status, watch } = tx.frame(el, model, {
    code: () => lines(model, now?.sentence ?? ""),
    help: "Type a sentence with words that the model has met, at most 200 characters. Nothing you type leaves this page: the model runs in it.",
  });
  const loaded = opened(model);
  const parts = panel(model, loaded);
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
                lang: loaded().code ?? "",
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
      picture(now, loaded(), chosen(), holder.clientWidth, (said) => status(said ?? report(now))),
      legend(now),
    );
    return twin.update(numbers(now, loaded().writes, chosen()));
  };
  const draw = () => {
    parts.show();
    layers.value = chosen();
    vocabulary.update(loaded());
    now = translate(loaded(), model.get("sentence"), model.get("longest"));
    say(answer, now ? now.text : "");
    warn(now ? doubts(now) : ["Type a sentence, or ask for an example."]);
    note.classList.toggle("tx-warned", now !== null && note.textContent !== "");
    tell({
      source: now?.source ?? [],
      sentence: now?.sentence ?? "",
      words: tokens.words(now?.sentence ?? "", now?.known),
    });
    tell({ read: now?.read.mean ?? 0 });
    tell({
      tokens: now?.pieces.map(({ token }) => token) ?? [],
      probabilities: now?.pieces.map(({ probability }) => probability) ?? [],
    });
    paint();
    status(now ? report(now) : "");
  };
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
