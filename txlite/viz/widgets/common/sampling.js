// Needs: numbers.
// Sampling: from the scores of all tokens to one of them, in the order of txlite.generation: the
// temperature, top-k, top-p, min-p, the draw.

// What is left to draw from, as probabilities. At temperature zero it is the most probable token.
tx.filtered = (logits, { temperature = 1, topK = 0, topP = 1, minP = 0 } = {}) => {
  if (temperature === 0) {
    const best = logits.indexOf(Math.max(...logits));
    return logits.map((_, i) => Number(i === best));
  }
  let z = logits.map((x) => x / temperature);
  const cut = (keep) => {
    z = z.map((x, i) => (keep(x, i) ? x : -Infinity));
  };
  if (topK > 0) {
    const smallest = [...z].sort((a, b) => b - a)[Math.min(topK, z.length) - 1];
    cut((x) => x >= smallest);
  }
  if (topP < 1) {
    const order = z.map((_, i) => i).sort((i, j) => z[i] - z[j] || i - j); // least probable first
    const p = tx.softmax(z);
    const drop = new Set();
    order.slice(0, -1).reduce((mass, i) => {
      if (mass + p[i] <= 1 - topP) drop.add(i);
      return mass + p[i];
    }, 0);
    cut((_, i) => !drop.has(i));
  }
  const q = tx.softmax(z);
  if (minP === 0) return q;
  const largest = Math.max(...q);
  cut((_, i) => q[i] >= minP * largest);
  return tx.softmax(z);
};

// The token on whose stretch a number in [0, 1) falls, where the probabilities lie end to end.
tx.drawn = (probabilities, number) => {
  let end = 0;
  const line = probabilities.map((p) => (end += p));
  const found = line.findIndex((x) => x > number * end);
  return found >= 0 ? found : line.findIndex((x) => x >= end);
};

// Chance from a seed, the numbers of torch on a CPU: tx.twister(3)() is
// torch.rand((), dtype=torch.float64, generator=torch.Generator().manual_seed(3)), and so is each
// further call. It is the Mersenne Twister of Matsumoto and Nishimura (1998); two numbers of 32 bits
// make one of 53.
tx.twister = (seed) => {
  const N = 624;
  const state = new Uint32Array(N);
  state[0] = seed;
  for (let j = 1; j < N; j += 1)
    state[j] = Math.imul(1812433253, state[j - 1] ^ (state[j - 1] >>> 30)) + j;
  let at = N;
  const turn = () => {
    for (let i = 0; i < N; i += 1) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
      state[i] = state[(i + 397) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  const word = () => {
    if (at === N) turn();
    let y = state[at];
    at += 1;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  return () => {
    const high = word() & 0x1fffff;
    return (high * 2 ** 32 + word()) / 2 ** 53;
  };
};
