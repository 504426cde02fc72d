// Byte-pair encoding inside the page, from the JSON that the `tokenizers` library writes: normalise,
// cut into words, merge neighbours. It knows the steps that txlite.data.tokenizers uses.
const tokens = {};

// A regular expression of the library's dialect in that of the browser.
tokens.regex = (source, flags) => {
  const word = "[\\p{L}\\p{N}_]"; // \b knows all letters there, and only ASCII's here
  const edge = `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`;
  const text = source.replace(/\\p\{(Latin|Han)\}/g, "\\p{Script=$1}").replaceAll("\\b", edge);
  return new RegExp(text, `${flags}u`);
};
tokens.pattern = ({ Regex, String: text }) =>
  Regex == null
    ? new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gu")
    : tokens.regex(Regex, "g");

tokens.unknownStep = (kind, step) => {
  throw new Error(`the page does not know the tokenizer's ${kind} ${step?.type}`);
};

tokens.normaliser = (step) => {
  if (step == null) return (text) => text;
  if (step.type === "NFC") return (text) => text.normalize("NFC");
  if (step.type === "Replace") {
    const pattern = tokens.pattern(step.pattern);
    return (text) => text.replace(pattern, () => step.content);
  }
  if (step.type === "Sequence") {
    const steps = step.normalizers.map(tokens.normaliser);
    return (text) => steps.reduce((done, next) => next(done), text);
  }
  return tokens.unknownStep("normalizer", step);
};

// Cuts each piece further: "a b" -> ["a", "▁b"].
tokens.cutter = (step) => {
  if (step.type === "Metaspace" && step.prepend_scheme === "never" && step.split) {
    const mark = step.replacement;
    return (piece) =>
      piece
        .replaceAll(" ", mark)
        .split(new RegExp(`(?=${mark})`, "u"))
        .filter(Boolean);
  }
  if (step.type === "Split" && step.behavior === "Isolated" && !step.invert) {
    const pattern = tokens.pattern(step.pattern);
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
    const steps = step.pretokenizers.map(tokens.cutter);
    return (piece) => steps.reduce((pieces, cut) => pieces.flatMap(cut), [piece]);
  }
  return tokens.unknownStep("pre-tokenizer", step);
};

// Merge the neighbours that were merged first in training, as long as there are any.
tokens.merger = (merges) => {
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

tokens.decoder = (step) => {
  if (step.type === "Metaspace") return (text) => text.replaceAll(step.replacement, " ");
  if (step.type === "Fuse") return (text) => text;
  if (step.type === "Replace") {
    const pattern = tokens.pattern(step.pattern);
    return (text) => text.replace(pattern, () => step.content);
  }
  if (step.type === "Strip" && step.content === " ") {
    return (text) =>
      text
        .replace(new RegExp(`^ {0,${step.start}}`), "")
        .replace(new RegExp(` {0,${step.stop}}$`), "");
  }
  if (step.type === "Sequence") {
    const steps = step.decoders.map(tokens.decoder);
    return (text) => steps.reduce((done, next) => next(done), text);
  }
  return tokens.unknownStep("decoder", step);
};

// { encode(text) -> ids, decode(ids) -> text, piece(id) -> text, unknown(text) -> [characters] }
tokens.load = ({ model, normalizer, pre_tokenizer: cut, decoder, added_tokens: special }) => {
  const normalise = tokens.normaliser(normalizer);
  const pieces = tokens.cutter(cut);
  const merge = tokens.merger(model.merges);
  const join = tokens.decoder(decoder);
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

// What a person typed, in the form that the corpora have; txlite.data.corpora.tidy says the same.
tokens.tidy = (text, names) => {
  const straight = text
    .normalize("NFC")
    .replace(/[«»“”„‹›「」『』"]/gu, "")
    .replaceAll("’", "'");
  const typed = straight
    .split(/[\s\x1c-\x1f\x85]+/u)
    .filter(Boolean)
    .join(" ")
    .replace(/(?<=[\u4e00-\u9fff]) | (?=[\u4e00-\u9fff])/gu, "");
  const bare = typed.replace(/[ .。!！…,，、?？]+$/u, "");
  if (bare === "") return "";
  const asked = /[?？]/u.test(typed.slice(bare.length));
  const parts = [/.+/gu, /[^ ]+/gu, /[^ ']+/gu]; // the sentence, its words, what an apostrophe parts
  const said = parts.reduce(
    (done, part) => done.replace(part, (loud) => tokens.quiet(loud, names)),
    bare,
  );
  const [first] = said.split(/[ ']/u, 1);
  const mark = /[\u4e00-\u9fff]/u.test(said) ? "？" : " ?";
  const begun = names.includes(first)
    ? said
    : said.replace(/^./u, (letter) => letter.toLowerCase());
  return (begun + (asked ? mark : "")).normalize("NFC");
};

// The words of a sentence, without numbers and marks; txlite.data.corpora.words_of says the same.
// Chinese, which has no spaces, is cut by the words that are known, the longest first.
tokens.words = (sentence, known = null) => {
  const word = /[\u4e00-\u9fff]+|-?(?:(?![\u4e00-\u9fff])[\p{L}\p{N}])+'?/gu;
  const found = (sentence.normalize("NFC").match(word) ?? []).filter((one) => /\p{L}/u.test(one));
  return found.flatMap((one) =>
    /^[\u4e00-\u9fff]/u.test(one) ? tokens.chinese(one, known) : [one],
  );
};

tokens.chinese = (text, known) => {
  const longest = known
    ? Math.max(
        1,
        ...[...known].filter((word) => /^[\u4e00-\u9fff]/u.test(word)).map((word) => word.length),
      )
    : 1;
  const words = [];
  for (let at = 0; at < text.length; ) {
    let size = Math.min(longest, text.length - at);
    while (size > 1 && !known.has(text.slice(at, at + size))) size -= 1;
    words.push(text.slice(at, at + size));
    at += size;
  }
  return words;
};

// Make small what is all in capitals and has more than one, but not the beginning of a name.
tokens.quiet = (text, names) => {
  const small = /[\p{Lowercase}\p{Lt}]/u.test(text);
  if (small || (text.match(/\p{Uppercase}/gu) ?? []).length < 2) return text;
  const named = (word) => names.find((name) => name.toLowerCase() === word) ?? word;
  return text.toLowerCase().replace(/[\p{L}\p{Nl}\p{No}]+/gu, named);
};
