// What the model writes, and what it attended to on the way: everything follows from what is typed,
// the settings and the seed. A run grows by a token when one more is asked for, and is kept until
// something changes that it depends on.

// The text of a token: what it adds to the text of those before it.
const textAfter = (bpe, before, id) => {
  const [old, now] = [bpe.decode(before), bpe.decode([...before, id])];
  if (now.startsWith(old) && now !== old) return now.slice(old.length);
  return id === bpe.unknownId ? "?" : bpe.piece(id);
};
const textsOf = (bpe, ids) => ids.map((id, t) => textAfter(bpe, ids.slice(0, t), id));

// Reads texts: reading(ids) makes `rows` hold { logits, maps } for each position, the maps being
// [layer][head][key]. What a text shares with the one before it is not computed again.
const readerOf = (model) => {
  const [rows, cache] = [[], model.begin()];
  let known = [];
  const reading = (ids) => {
    const other = ids.findIndex((id, t) => id !== known[t]);
    if (other < 0) return; // it has been read, and perhaps what follows
    if (other < known.length) {
      model.crop(cache, other);
      rows.length = other;
    }
    const newest = ids.slice(other);
    const { logits, self } = model.decode(newest, { cache });
    const size = logits.length / newest.length;
    newest.forEach((_, t) =>
      rows.push({
        logits: Array.from(logits.slice(t * size, (t + 1) * size)),
        maps: self.map((heads) => heads.map((map) => map[t].slice(0, other + t + 1))),
      }),
    );
    known = [...ids];
  };
  return { rows, reading };
};

// machine: { bpe, reader }. setting: { prompt, temperature, topK, topP, seed }. Returns { prompt,
// tokens, cut, unknown, ended, grow }; grow(n) sees to it that n tokens are written, if they can be.
const begin = ({ bpe, reader }, { bos, eos, room }, setting) => {
  const typed = [...(bos < 0 ? [] : [bos]), ...bpe.encode(setting.prompt)];
  const prompt = room > 0 ? typed.slice(-room) : typed;
  const chance = tx.twister(setting.seed);
  const run = {
    prompt,
    tokens: [],
    cut: typed.length - prompt.length,
    unknown: bpe.unknown(setting.prompt),
    ended: prompt.length === 0,
  };
  // As txlite.generation.generate: at temperature zero nothing is drawn.
  run.grow = (count) => {
    reader.reading([...prompt, ...run.tokens]);
    while (!run.ended && run.tokens.length < count) {
      const left = tx.filtered(reader.rows[prompt.length + run.tokens.length - 1].logits, setting);
      const token = setting.temperature === 0 ? left.indexOf(1) : tx.drawn(left, chance());
      run.tokens.push(token);
      run.ended = token === eos;
      reader.reading([...prompt, ...run.tokens]);
    }
    return run;
  };
  return run;
};
