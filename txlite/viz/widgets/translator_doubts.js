// What the translator doubts, and says: words that it never met, with those that may be meant; words
// of which it has read little; an end that it did not reach; a sentence that is too long.

const READ = 0.4; // below this much attention for each piece of the source, something was left out
const LITTLE = 0.25; // of one piece
const LONGEST_TYPED = 200; // characters that are read

// Without accents and capitals.
const folded = (word) => word.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

// How many letters must be changed, added, left out or exchanged with a neighbour.
const editDistance = (a, b) => {
  const [left, right] = [[...a], [...b]];
  let [before, last, row] = [[], [], tx.range(right.length + 1)];
  left.forEach((letter, i) => {
    [before, last, row] = [last, row, [i + 1]];
    right.forEach((other, j) => {
      const same = letter === other ? 0 : 1;
      row.push(Math.min(last[j] + same, last[j + 1] + 1, row[j] + 1));
      const swapped = i > 0 && j > 0 && letter === right[j - 1] && left[i - 1] === other;
      if (swapped) row[j + 1] = Math.min(row[j + 1], before[j - 1] + 1);
    });
  });
  return row.at(-1);
};

// The words that may be meant, at most two: those that differ in accents alone come first, then in
// capitals, then in a letter, or in two of a long word.
const suggestions = (word, known) => {
  const plain = folded(word);
  const most = plain.length < 4 ? 0 : plain.length < 7 ? 1 : 2;
  const loud = (text) => Number(text !== text.toLowerCase());
  return [...known]
    .filter(
      (other) => Math.abs(other.length - word.length) <= most + 1 && !/\p{Script=Han}/u.test(other),
    )
    .map((other) => [
      other,
      editDistance(plain, folded(other)),
      Math.abs(loud(other) - loud(word)),
      editDistance(word, other),
    ])
    .filter(([, far]) => far <= most)
    .sort((a, b) => a[1] - b[1] || a[2] - b[2] || a[3] - b[3] || (a[0] < b[0] ? -1 : 1))
    .slice(0, 2)
    .map(([other]) => other);
};

// How much each piece of the source was looked at, by all pieces of the translation together; the
// average over the layers. With the mean of it, and the pieces that are hardly read.
const coverage = (told, words) => {
  const looked = words.map((_, s) =>
    tx.sum(told.map(({ maps }) => tx.sum(maps.map((row) => row[s])) / maps.length)),
  );
  return {
    looked,
    mean: tx.sum(looked) / words.length,
    missed: [...new Set(words.filter((_, s) => looked[s] < LITTLE))],
  };
};

const quoted = (words) => words.map((word) => `“${word}”`).join(", ");

// What is doubted, as parts of a sentence: texts, and { word, meant } for what it can be replaced by.
const doubts = ({ unknown, unmet, ended, read, cut, known }) => {
  const parts = [];
  if (cut) parts.push(`Only the first ${LONGEST_TYPED} of ${cut} characters are read. `);
  const never = [
    ...(unmet ?? []),
    ...unknown.filter((letter) => !unmet?.some((word) => word.includes(letter))),
  ];
  if (never.length && unmet) {
    parts.push("Never met: ");
    never.forEach((word, i) => {
      const meant = suggestions(word, known);
      parts.push(`${i ? ", " : ""}“${word}”`);
      if (meant.length)
        parts.push(
          " (did you mean ",
          ...meant.flatMap((other, k) => [k ? " or " : "", { word, meant: other }]),
          "?)",
        );
    });
    parts.push(". What follows is a guess. ");
  } else if (never.length)
    parts.push(`Not in the vocabulary: ${quoted(never)}. The model reads “?” there. `);
  if (read.mean < READ) {
    const which = read.missed.length ? `, perhaps ${quoted(read.missed)}` : "";
    parts.push(
      `Doubtful: the model has hardly read the sentence, so something may be left out${which}. `,
    );
  }
  if (!ended) parts.push("The model did not come to an end: this sentence is beyond it. ");
  return parts;
};
