// The pictures of the collection: as numbers for the model, and drawn for the eye.

// Inks to draw with: OpenMoji's own colours, and the paper's, which erases.
const PAPER = "#ffffff";
const INKS = [
  ["black", "#000000"],
  ["grey", "#9b9b9a"],
  ["red", "#ea5a47"],
  ["orange", "#f1b31c"],
  ["yellow", "#fcea2b"],
  ["green", "#5c9e31"],
  ["light blue", "#92d3f5"],
  ["blue", "#1e50a0"],
  ["pink", "#ffa7c0"],
  ["brown", "#a57939"],
  ["white, which erases", PAPER],
].map(([name, color]) => ({ name, color }));
const PEN = 18;

// { size, numbers(n), drawn(n) }: what the model reads of a picture, and a canvas that shows it.
const galleryOf = async (model) => {
  const { pictures } = tx.tensors(model.get("pictures"));
  const [count, channels, size] = pictures.shape;
  const each = channels * size * size;
  const sheet = model.get("sheet") ? new Image() : null;
  if (sheet) {
    sheet.src = model.get("sheet");
    await sheet.decode();
  }
  const columns = Math.ceil(Math.sqrt(count));
  const large = sheet ? sheet.width / columns : size;
  const canvas = (side) =>
    tx.html("canvas", { class: "es-picture", width: side, height: side, "aria-hidden": "true" });
  // From values between 0 and 255: `at(c, i)` is that of a channel at a point.
  const painted = (at) => {
    const node = canvas(size);
    const image = new ImageData(size, size);
    for (let i = 0; i < size * size; i += 1) {
      for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = at(c, i);
      image.data[4 * i + 3] = 255;
    }
    node.getContext("2d").putImageData(image, 0, 0);
    return node;
  };
  const drawn = (n) => {
    if (!sheet) return painted((c, i) => pictures.data[n * each + c * size * size + i]);
    const node = canvas(large);
    const [x, y] = [(n % columns) * large, Math.floor(n / columns) * large];
    node.getContext("2d").drawImage(sheet, x, y, large, large, 0, 0, large, large);
    return node;
  };
  // Shifted and scaled as the tower wants it: `at(c, i)` is between 0 and 1.
  const { mean, std } = model.get("colours");
  const read = (at) => ({
    shape: [3, size, size],
    data: Float64Array.from({ length: each }, (_, i) => {
      const c = Math.floor(i / (size * size));
      return (at(c, i % (size * size)) - mean[c]) / std[c];
    }),
  });
  // A drawing has its colours point by point: red, green, blue.
  const byHand = (text) => tx.inkColours(text, size, { pen: PEN, inks: INKS, paper: PAPER });
  return {
    count,
    size,
    drawn,
    numbers: (n) => read((c, i) => pictures.data[n * each + c * size * size + i] / 255),
    drawing: (text) => {
      const shares = byHand(text);
      return {
        numbers: read((c, i) => shares[3 * i + c]),
        canvas: painted((c, i) => Math.round(255 * shares[3 * i + c])),
      };
    },
  };
};

// Those with the highest scores: [{ at, score }], best first.
const nearest = (scores, count) =>
  tx
    .range(scores.length)
    .sort((i, j) => scores[j] - scores[i] || i - j)
    .slice(0, count)
    .map((at) => ({ at, score: scores[at] }));
