// Needs: layers, tensors.
// Convolutions: layers over pictures, in the order in which Python's `convolutional` tells them. A
// picture is { shape: [channels, height, width], data }, as torch has it; arithmetic is float64.
//
//   const { data } = tx.nn.convolutional(layers, weights)({ shape: [3, 32, 32], data: numbers });

// Each output channel gathers from the channels of its group, tap by tap, row by row.
tx.nn.conv2d = (picture, weight, bias, { stride = 1, padding = 0, groups = 1 } = {}) => {
  const [channels, height, width] = picture.shape;
  const [outputs, inputs, tall, wide] = weight.shape;
  const [data, taps] = [picture.data, weight.data];
  if (inputs * groups !== channels)
    throw new Error(`the page's convolution wants ${inputs * groups} channels, got ${channels}`);
  const rows = Math.floor((height + 2 * padding - tall) / stride) + 1;
  const columns = Math.floor((width + 2 * padding - wide) / stride) + 1;
  const out = new Float64Array(outputs * rows * columns);
  for (let o = 0; o < outputs; o += 1) {
    const base = o * rows * columns;
    if (bias) out.fill(bias.data[o], base, base + rows * columns);
    const first = Math.floor((o * groups) / outputs) * inputs;
    for (let c = 0; c < inputs; c += 1) {
      for (let i = 0; i < tall; i += 1) {
        for (let j = 0; j < wide; j += 1) {
          const tap = taps[((o * inputs + c) * tall + i) * wide + j];
          // The columns whose tap lies within the picture.
          const begin = Math.max(0, Math.ceil((padding - j) / stride));
          const end = Math.min(columns, Math.floor((width - 1 + padding - j) / stride) + 1);
          for (let y = 0; y < rows; y += 1) {
            const row = y * stride + i - padding;
            if (row < 0 || row >= height) continue;
            const from = ((first + c) * height + row) * width + j - padding;
            for (let x = begin; x < end; x += 1)
              out[base + y * columns + x] += tap * data[from + x * stride];
          }
        }
      }
    }
  }
  return { shape: [outputs, rows, columns], data: out };
};

// x times a scale and plus a shift, each a function of the channel.
tx.nn.perChannel = ({ shape, data }, scale, shift) => {
  const size = shape[1] * shape[2];
  const out = new Float64Array(data.length);
  for (let c = 0, i = 0; c < shape[0]; c += 1) {
    const [times, plus] = [scale(c), shift(c)];
    for (let n = 0; n < size; n += 1, i += 1) out[i] = data[i] * times + plus;
  }
  return { shape, data: out };
};

// A batch norm as training has left it: its statistics are those that it has gathered.
tx.nn.batchNorm = (picture, { weight, bias, mean, variance }, eps) => {
  const times = (c) => (weight ? weight.data[c] : 1) / Math.sqrt(variance.data[c] + eps);
  return tx.nn.perChannel(
    picture,
    times,
    (c) => (bias ? bias.data[c] : 0) - mean.data[c] * times(c),
  );
};

// Each group of channels of this picture has its own mean and variance.
tx.nn.groupNorm = (picture, { weight, bias }, { groups, eps }) => {
  const { shape, data } = picture;
  const size = data.length / groups;
  const found = tx.range(groups).map((g) => {
    let [mean, square] = [0, 0];
    for (let i = g * size; i < (g + 1) * size; i += 1) mean += data[i] / size;
    for (let i = g * size; i < (g + 1) * size; i += 1) square += (data[i] - mean) ** 2 / size;
    return { mean, scale: 1 / Math.sqrt(square + eps) };
  });
  const of = (c) => found[Math.floor((c * groups) / shape[0])];
  const times = (c) => of(c).scale * (weight ? weight.data[c] : 1);
  return tx.nn.perChannel(picture, times, (c) => (bias ? bias.data[c] : 0) - of(c).mean * times(c));
};

// Of every window the largest number, or the mean; what lies beyond the picture does not count for
// the first and is zero for the second, as torch has it.
tx.nn.pool = ({ shape: [channels, height, width], data }, { size, stride, padding, largest }) => {
  const rows = Math.floor((height + 2 * padding - size) / stride) + 1;
  const columns = Math.floor((width + 2 * padding - size) / stride) + 1;
  const out = new Float64Array(channels * rows * columns);
  for (let c = 0, n = 0; c < channels; c += 1)
    for (let y = 0; y < rows; y += 1)
      for (let x = 0; x < columns; x += 1, n += 1) {
        let [most, total] = [-Infinity, 0];
        for (let i = y * stride - padding; i < y * stride - padding + size; i += 1)
          for (let j = x * stride - padding; j < x * stride - padding + size; j += 1) {
            if (i < 0 || j < 0 || i >= height || j >= width) continue;
            const value = data[(c * height + i) * width + j];
            most = Math.max(most, value);
            total += value;
          }
        out[n] = largest ? most : total / (size * size);
      }
  return { shape: [channels, rows, columns], data: out };
};

// The mean of each channel: a picture of one point.
tx.nn.meanPool = ({ shape: [channels, ...rest], data }) => {
  const size = rest.reduce((a, b) => a * b, 1);
  const out = new Float64Array(channels);
  for (let i = 0; i < data.length; i += 1) out[Math.floor(i / size)] += data[i] / size;
  return { shape: [channels, 1, 1], data: out };
};

// Layers in their order: [{ kind, name, … }], each with the weights that begin with its name.
tx.nn.convolutional = (layers, weights) => {
  const { activations } = tx.nn;
  const kinds = {
    conv: (x, own, layer) => tx.nn.conv2d(x, own.weight, own.bias, layer),
    batch_norm: (x, own, { eps }) => tx.nn.batchNorm(x, own, eps),
    group_norm: (x, own, layer) => tx.nn.groupNorm(x, own, layer),
    activation: ({ shape, data }, _, { of }) => ({ shape, data: data.map(activations[of]) }),
    max_pool: (x, _, layer) => tx.nn.pool(x, { ...layer, largest: true }),
    mean_pool: (x, _, layer) =>
      layer.size ? tx.nn.pool(x, { ...layer, largest: false }) : tx.nn.meanPool(x),
    flatten: ({ data }) => ({ shape: [data.length, 1, 1], data }),
    linear: ({ data }, own) => {
      const out = tx.nn.linear(data, own.weight, own.bias);
      return { shape: [out.length, 1, 1], data: out };
    },
    layer_norm: ({ shape, data }, own, { eps }) => ({
      shape,
      data: tx.nn.norm(data, own.weight, own.bias, { norm_eps: eps }),
    }),
    residual: (x, _, layer) => {
      const [branch, past] = [layer.branch, layer.shortcut].map((part) => part.reduce(step, x));
      return { shape: branch.shape, data: tx.nn.add(branch.data, past.data) };
    },
  };
  const step = (x, layer) => {
    if (!kinds[layer.kind]) throw new Error(`the page does not know the layer ${layer.kind}`);
    return kinds[layer.kind](x, tx.part(weights, `${layer.name}.`), layer);
  };
  return (picture) => layers.reduce(step, picture);
};
