// What is typed: its tokens, and the names of the collection that it may be.

const LONGEST_TYPED = 100; // characters

// Small letters as Python's casefold makes them, as far as the languages here go.
const folded = (text) => text.toLowerCase().replaceAll("ß", "ss").replaceAll("ς", "σ");

// Cuts texts as Python's EmojiSearch.encode does: { cut(text) -> ids, unknown(text) -> [characters] }.
const cutterOf = (model) => {
  const { tokens, unknown } = model.get("reading");
  if (tokens.length === 0) {
    const bpe = tx.tokens.load(model.get("tokenizer"));
    return { cut: bpe.encode, unknown: bpe.unknown, sign: "“?”" };
  }
  const numbers = new Map(tokens.map((token, id) => [token, id]));
  return {
    cut: (text) => [...text].map((c) => numbers.get(c) ?? unknown).filter((id) => id !== null),
    unknown: (text) => [...new Set(text)].filter((c) => !numbers.has(c)),
    sign: unknown === null ? "nothing" : `“${tokens[unknown]}”`,
  };
};

// { ids, unknown, more, empty }: what the model reads of a text, what of it is not among the tokens,
// and how many tokens there was no position for.
const readingOf = (model, cutter, typed) => {
  const { begin, end, folded: folds, room } = model.get("reading");
  const plain = typed.normalize("NFC").trim();
  const text = folds ? folded(plain) : plain;
  const all = text === "" ? [] : cutter.cut(text);
  const read = all.slice(0, room);
  const mark = (id) => (id === null ? [] : [id]);
  return {
    ids: [...mark(begin), ...read, ...mark(end)],
    unknown: cutter.unknown(text),
    more: all.length - read.length,
    empty: read.length === 0,
  };
};

// What a picture shows, in the first of the languages.
const nameIn = (model, n) => Object.values(model.get("names"))[0][model.get("things")[n]];

// All pictures by name, those with a mark in groups of their own, and before them what is drawn (−1).
const pictureChooser = (model, onchoose) => {
  const chooser = tx.select({
    label: "Picture",
    options: [{ value: -1, label: "your drawing" }],
    oninput: (v) => onchoose(Number(v)),
  });
  const marks = model.get("marks");
  const option = (n) => tx.html("option", { value: n }, nameIn(model, n));
  const all = tx.range(marks.length);
  for (const mark of [...new Set(marks)].sort()) {
    const some = all.filter((n) => marks[n] === mark).map(option);
    chooser.input.append(tx.html("optgroup", { label: mark || "seen in training" }, some));
  }
  return chooser;
};

// A list of words for each language, the best first; those that are a picture's own are marked.
const wordLists = (model, ranked, own) =>
  Object.entries(ranked).map(([code, best]) =>
    tx.html(
      "div",
      { class: "es-language" },
      tx.html("p", { class: "es-head", lang: code }, model.get("languages")[code]),
      tx.html(
        "ol",
        { class: "es-words" },
        best.map(({ at, score }) => {
          const row = tx.html(
            "li",
            {
              class: at === own ? "es-own" : null,
              "data-thing": at,
              "data-score": score,
            },
            tx.html("span", { class: "es-name", lang: code }, model.get("names")[code][at]),
            tx.html("span", { class: "es-score" }, tx.number(score)),
          );
          row.style.setProperty("--share", tx.clamp(score, 0, 1));
          return row;
        }),
      ),
    ),
  );
