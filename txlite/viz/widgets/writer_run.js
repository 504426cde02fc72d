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

// machine: { bpe, model }, what the figure carries. setting: { prompt, temperature, topK, topP, seed }.
// Returns { prompt, tokens, rows, cut, unknown, ended, grow }, with a row { logits, maps } for each
// position, the maps being [layer][head][key].
const begin = ({ bpe, model }, { bos, eos, room }, setting) => {
  const typed = [...(bos < 0 ? [] : [bos]), ...bpe.encode(setting.prompt)];
  const prompt = room > 0 ? typed.slice(-room) : typed;
  const chance = tx.twister(setting.seed);
  const cache = model.begin();
  const run = {
    prompt,
    tokens: [],
    rows: [],
    cut: typed.length - prompt.length,
    unknown: bpe.unknown(setting.prompt),
    ended: prompt.length === 0,
  };
  const read = (tokens) => {
    const { logits, self } = model.decode(tokens, { cache });
    const [size, first] = [logits.length / tokens.length, run.rows.length];
    tokens.forEach((_, t) =>
      run.rows.push({
        logits: Array.from(logits.slice(t * size, (t + 1) * size)),
        maps: self.map((heads) => heads.map((map) => map[t].slice(0, first + t + 1))),
      }),
    );
  };
  if (prompt.length) read(prompt);
  // As txlite.generation.generate: at temperature zero nothing is drawn.
  run.grow = (count) => {
    while (!run.ended && run.tokens.length < count) {
      const left = tx.filtered(run.rows.at(-1).logits, setting);
      const token = setting.temperature === 0 ? left.indexOf(1) : tx.drawn(left, chance());
      run.tokens.push(token);
      run.ended = token === eos;
      read([token]);
    }
    return run;
  };
  return run;
};
