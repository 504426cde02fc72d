// What the translator does to a sentence before its tokenizer reads it: the form of the corpora, and the
// words in it.
const tokens = {};

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
