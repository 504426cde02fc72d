// Needs: elements.
// Tokens: byte-pair encoding inside the page, from the JSON that the `tokenizers` library writes:
// normalise, cut into words, merge neighbours. It knows the steps that txlite.data.tokenizers uses.
tx.tokens = {};

// A regular expression of the library's dialect in that of the browser.
tx.tokens.regex = (source, flags) => {
  const word = "[\\p{L}\\p{N}_]"; // \b knows all letters there, and only ASCII's here
  const edge = `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`;
  const text = source.replace(/\\p\{(Latin|Han)\}/g, "\\p{Script=$1}").replaceAll("\\b", edge);
  return new RegExp(text, `${flags}u`);
};
tx.tokens.pattern = ({ Regex, String: text }) =>
  Regex == null
    ? new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gu")
    : tx.tokens.regex(Regex, "g");

tx.tokens.unknownStep = (kind, step) => {
  throw new Error(`the page does not know the tokenizer's ${kind} ${step?.type}`);
};

tx.tokens.normaliser = (step) => {
  if (step == null) return (text) => text;
  if (step.type === "NFC") return (text) => text.normalize("NFC");
  if (step.type === "Replace") {
    const pattern = tx.tokens.pattern(step.pattern);
    return (text) => text.replace(pattern, () => step.content);
  }
  if (step.type === "Sequence") {
    const steps = step.normalizers.map(tx.tokens.normaliser);
    return (text) => steps.reduce((done, next) => next(done), text);
  }
  return tx.tokens.unknownStep("normalizer", step);
};

// Cuts each piece further: "a b" -> ["a", "▁b"].
tx.tokens.cutter = (step) => {
  if (step.type === "Metaspace" && step.prepend_scheme === "never" && step.split) {
    const mark = step.replacement;
    return (piece) =>
      piece
        .replaceAll(" ", mark)
        .split(new RegExp(`(?=${mark})`, "u"))
        .filter(Boolean);
  }
  if (step.type === "Split" && step.behavior === "Isolated" && !step.invert) {
    const pattern = tx.tokens.pattern(step.pattern);
    return (piece) => {
      const pieces = [];
      let end = 0;
      for (const found of piece.matchAll(pattern)) {
        pieces.push(piece.slice(end, found.index), found[0]);
        end = found.index + found[0].length;
      }
      return [...pieces, piece.slice(end)].filter(Boolean);
    };
  }
  if (step.type === "Sequence") {
    const steps = step.pretokenizers.map(tx.tokens.cutter);
    return (piece) => steps.reduce((pieces, cut) => pieces.flatMap(cut), [piece]);
  }
  return tx.tokens.unknownStep("pre-tokenizer", step);
};

// Merge the neighbours that were merged first in training, as long as there are any.
tx.tokens.merger = (merges) => {
  const rank = new Map(merges.map((pair, i) => [[pair].flat().join(" "), i]));
  return (piece) => {
    const parts = [...piece];
    for (;;) {
      const ranks = parts.slice(1).map((part, i) => rank.get(`${parts[i]} ${part}`) ?? Infinity);
      const best = Math.min(Infinity, ...ranks);
      if (best === Infinity) return parts;
      const at = ranks.indexOf(best);
      parts.splice(at, 2, parts[at] + parts[at + 1]);
    }
  };
};

tx.tokens.decoder = (step) => {
  if (step.type === "Metaspace") return (text) => text.replaceAll(step.replacement, " ");
  if (step.type === "Fuse") return (text) => text;
  if (step.type === "Replace") {
    const pattern = tx.tokens.pattern(step.pattern);
    return (text) => text.replace(pattern, () => step.content);
  }
  if (step.type === "Strip" && step.content === " ") {
    return (text) =>
      text
        .replace(new RegExp(`^ {0,${step.start}}`), "")
        .replace(new RegExp(` {0,${step.stop}}$`), "");
  }
  if (step.type === "Sequence") {
    const steps = step.decoders.map(tx.tokens.decoder);
    return (text) => steps.reduce((done, next) => next(done), text);
  }
  return tx.tokens.unknownStep("decoder", step);
};

// { encode(text) -> ids, decode(ids) -> text, piece(id) -> text, unknown(text) -> [characters] }
tx.tokens.load = ({ model, normalizer, pre_tokenizer: cut, decoder, added_tokens: special }) => {
  const normalise = tx.tokens.normaliser(normalizer);
  const pieces = tx.tokens.cutter(cut);
  const merge = tx.tokens.merger(model.merges);
  const join = tx.tokens.decoder(decoder);
  const vocabulary = new Map(Object.entries(model.vocab));
  const names = new Map(Object.entries(model.vocab).map(([text, id]) => [id, text]));
  const hidden = new Set(special.map(({ id }) => id));
  const unknown = vocabulary.get(model.unk_token);
  const split = (text) => pieces(normalise(text)).flatMap(merge);
  return {
    encode: (text) => split(text).map((part) => vocabulary.get(part) ?? unknown),
    unknown: (text) => [...new Set(split(text).filter((part) => !vocabulary.has(part)))],
    decode: (ids) =>
      join(
        ids
          .filter((id) => !hidden.has(id))
          .map((id) => names.get(id))
          .join(""),
      ),
    piece: (id) => names.get(id).replaceAll("▁", ""),
  };
};

// The same in Python: what it needs, and the tokenizer whose JSON an expression gives there.
tx.tokens.imports = [
  "import json",
  "",
  "import torch",
  "from tokenizers import Tokenizer",
  "",
  "from txlite.data.tokenizers import BPE",
];
tx.tokens.inPython = (json) => `BPE(Tokenizer.from_str(json.dumps(${json})))`;

// What is said of characters or words that a vocabulary lacks; `sign` is what the model reads there.
tx.tokens.doubted = (unknown, sign) =>
  unknown.length
    ? `Not in the vocabulary: ${unknown.map((text) => `“${text}”`).join(", ")}. The model reads ${sign} there. `
    : "";

// A vocabulary of whole words, which spaces and hyphens part; what is not in it as it is typed may be
// in it in capitals or small. txlite.viz.widgets.fill_in says the same.
tx.tokens.words = (vocabulary, unknown) => {
  const numbers = new Map(vocabulary.map((word, id) => [word, id]));
  const id = (word) =>
    [word, word.toUpperCase(), word.toLowerCase()]
      .map((form) => numbers.get(form))
      .find((found) => found !== undefined) ?? unknown;
  return {
    cut: (text) => text.split(/[\s-]+/u).filter(Boolean),
    id,
    piece: (number) => vocabulary[number],
  };
};
