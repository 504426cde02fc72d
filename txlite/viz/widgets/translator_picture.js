// The picture of a translation: source and target beside each other, and lines that show where the
// decoder looked. What the model was not sure of is marked.
const ROW = 32; // height of a line
const SURE = 0.6; // a piece below this probability is marked
const NARROW = 300; // so wide is the picture on a phone, and so much wider where there is room:
const WIDER = 140;

// The layer that is drawn: one of them, or their average (−1).
const looks = (maps, layer) =>
  layer < 0 ? maps[0].map((_, s) => tx.sum(maps.map((map) => map[s])) / maps.length) : maps[layer];

const unsure = ({ probability }) => probability < SURE;

// Where the columns stand in a picture that has this much room, in pixels.
const columns = (room) => {
  const more = tx.clamp(((room || NARROW + WIDER) - NARROW) / WIDER, 0, 1);
  const [source, to] = [98 + 52 * more, 164 + 128 * more];
  return { source, from: source + 8, to, target: to + 8, width: NARROW + WIDER * more };
};

// A piece of the translation, how sure the model is of it, and its lines to the source.
const target = (piece, word, row, places, at, y) => {
  const { token, probability } = piece;
  const best = places[row.indexOf(Math.max(...row))];
  const said = `${word}: ${tx.percent(probability)} sure, looks most at ${best.word}`;
  const middle = (at.from + at.to) / 2;
  const lines = row.map((weight, s) =>
    weight < 0.03
      ? null
      : tx.svg("path", {
          d: `M${at.from} ${places[s].y}C${middle} ${places[s].y} ${middle} ${y} ${at.to} ${y}`,
          class: "tx-link",
          style: `stroke-width: ${0.6 + 4 * weight}; stroke-opacity: ${0.15 + 0.8 * weight}`,
        }),
  );
  const group = tx.svg(
    "g",
    {
      class: unsure(piece) ? "tx-target tx-unsure" : "tx-target",
      tabindex: 0,
      role: "img",
      "aria-label": said,
      "data-token": token,
      "data-weights": JSON.stringify(row),
    },
    lines,
    tx.svg("rect", {
      x: at.target - 4,
      y: y - ROW / 2,
      width: at.width - at.target + 4,
      height: ROW,
      class: "tx-hit",
    }),
    tx.svg(
      "text",
      { x: at.target, y, class: "tx-piece" },
      tx.svg("tspan", { class: "tx-word" }, word),
      tx.svg("tspan", { dx: 8, class: "tx-sure" }, tx.percent(probability)),
    ),
  );
  return { group, said };
};

// onpoint(text) is called with what is pointed at, and with null when nothing is any more.
const picture = (now, code, layer, room, onpoint) => {
  const at = columns(room);
  const height = ROW * Math.max(now.words.length + 1, now.pieces.length);
  const y = (i, count) => (height - count * ROW) / 2 + (i + 0.5) * ROW;
  const label = `Where the decoder looked in “${now.words.join(" ")}” for each piece of “${now.text}”`;
  const svg = tx.svg("svg", {
    viewBox: `0 0 ${at.width} ${height}`,
    class: "tx-alignment",
    role: "group",
    "aria-label": label,
  });
  const places = [...now.words, "end"].map((word, s) => ({ word, y: y(s, now.words.length + 1) }));
  places.forEach((place, s) =>
    svg.append(
      tx.svg(
        "text",
        {
          x: at.source,
          y: place.y,
          "text-anchor": "end",
          ...(s < now.words.length
            ? { class: "tx-piece", lang: code }
            : { class: "tx-piece tx-end" }),
        },
        place.word,
      ),
    ),
  );
  now.pieces.forEach((piece, t) => {
    const row = looks(piece.maps, layer);
    const { group, said } = target(
      piece,
      now.writes.piece(piece.token),
      row,
      places,
      at,
      y(t, now.pieces.length),
    );
    const [point, leave] = [() => onpoint(said), () => onpoint(null)];
    svg.append(
      tx.fill(
        group,
        { onpointerenter: point, onpointerleave: leave, onfocus: point, onblur: leave },
        [],
      ),
    );
  });
  return svg;
};

// What the marks mean, where there are any.
const legend = (now) =>
  tx.html(
    "p",
    { class: "tx-legend", hidden: !now.pieces.some(unsure) },
    tx.html("span", { class: "tx-word", "aria-hidden": "true" }, "word"),
    ` underlined with dashes: the model is less than ${tx.percent(SURE)} sure of it`,
  );
