// Needs: layers.
// Positions: the schemes of txlite.nn.positions, for T positions that begin at `first`.

tx.nn.sinusoidal = (x, first, D, base = 10000) =>
  x.map((value, i) => {
    const [p, d] = [first + Math.floor(i / D), i % D];
    const angle = p / base ** ((d - (d % 2)) / D);
    return value + (d % 2 ? Math.cos(angle) : Math.sin(angle));
  });

// Pairs of neighbours in each head, turned by their position's angle.
tx.nn.rotate = (x, first, heads, width, base = 10000) => {
  const out = new Float64Array(x.length);
  for (let i = 0; i < x.length; i += 2) {
    const angle = (first + Math.floor(i / (heads * width))) / base ** ((i % width) / width);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    out[i] = x[i] * cos - x[i + 1] * sin;
    out[i + 1] = x[i] * sin + x[i + 1] * cos;
  }
  return out;
};

// ALiBi: one slope for each head, geometric where their number is a power of two.
tx.nn.slopes = (heads) => {
  const power = 2 ** Math.floor(Math.log2(heads));
  const whole = tx.range(power).map((h) => 2 ** ((-8 * (h + 1)) / power));
  const between = tx.range(power).map((h) => 2 ** ((-4 * (2 * h + 1)) / power));
  return [...whole, ...between.slice(0, heads - power)];
};

// The smallest distance of every bucket but the first, compared in whole numbers as Python does.
tx.nn.borders = (buckets, farthest) => {
  const single = Math.floor(buckets / 2);
  const ranges = buckets - single;
  const power = (base, exponent) => BigInt(base) ** BigInt(exponent);
  const borders = tx.range(single).map((i) => i + 1);
  for (let k = 1, d = single; k < ranges; k += 1) {
    while (power(d, ranges) * power(single, k) < power(farthest, k) * power(single, ranges)) d += 1;
    borders.push(d);
  }
  return borders;
};

// T5's bias as a function (h, i, j) of a head and two positions.
tx.nn.relative = ({ shape: [buckets, heads], data }, { farthest = 128, bidirectional }) => {
  const borders = tx.nn.borders(bidirectional ? buckets / 2 : buckets, farthest);
  const count = (distance) => borders.filter((border) => border <= distance).length;
  return (h, i, j) => {
    const bucket = bidirectional
      ? (j > i ? buckets / 2 : 0) + count(Math.abs(j - i))
      : count(Math.max(0, i - j));
    return data[bucket * heads + h];
  };
};

// What a stack does with positions: { added(x, first), turn(first), bias }, each null where the scheme
// has none. `own` are the weights of the scheme, under the names of txlite's PositionScheme.
tx.nn.positions = (
  own,
  { positions: name = "none", num_heads: heads, rotary_base: base, max_distance: farthest },
  bidirectional,
) => {
  const none = { added: null, turn: null, bias: null };
  if (name === "none") return none;
  if (name === "sinusoidal")
    return { ...none, added: (x, first, D) => tx.nn.sinusoidal(x, first, D) };
  if (name === "learned") {
    const {
      shape: [length, D],
      data,
    } = own["added.table.weight"];
    const row = (x, first) => {
      if (first + x.length / D > length) throw new Error(`the page's positions end at ${length}`);
      return x.map((value, i) => value + data[first * D + i]);
    };
    return { ...none, added: row };
  }
  if (name === "rotary")
    return {
      ...none,
      turn: (first) => (x, count, width) => tx.nn.rotate(x, first, count, width, base),
    };
  if (name === "alibi") {
    const slopes = tx.nn.slopes(heads);
    return { ...none, bias: (h, i, j) => -slopes[h] * Math.abs(i - j) };
  }
  if (name === "relative")
    return {
      ...none,
      bias: tx.nn.relative(own["biased.table.weight"], { farthest, bidirectional }),
    };
  throw new Error(`the page does not know the positions ${name}`);
};
