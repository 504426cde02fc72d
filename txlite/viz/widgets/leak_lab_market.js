// The leak lab's arithmetic: a market of noise, the rule's holdings, and what a test says of them. The
// same as _noise_market.py and leak_lab.py; tables are rows of days, one entry for each share.

const [BARS, SHARES, FIRST] = [756, 30, 60];
const [DEVIATION, DELISTED] = [0.015, 0.75];
const [WINDOWS, WEIGHTS] = [
  [5, 10, 20, 40, 3, 7, 15, 30, 4, 25],
  [1, 0.5, 2],
];
const RULES = WEIGHTS.flatMap((weight) => WINDOWS.map((window) => [window, weight]));
const LONGEST = Math.max(...WINDOWS);
const YEAR = 252;
const POISONED = [150, 300, 450, 600]; // days from which on the future is replaced
const OTHER_SEED = 1000;
const EULER = 0.5772156649015329;

// Standard normal numbers, two of two uniform ones.
const normalOf = (seed) => {
  const drawn = tx.twister(seed);
  const out = new Float64Array(BARS * SHARES);
  for (let i = 0; i < out.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - drawn()));
    const turn = 2 * Math.PI * drawn();
    out[i] = radius * Math.cos(turn);
    out[i + 1] = radius * Math.sin(turn);
  }
  return out;
};

// { returns, prices, listed }: prices are logarithms. From the day `poisoned` on the noise is another one.
const marketOf = (seed, poisoned = null) => {
  const noise = normalOf(seed);
  if (poisoned !== null)
    noise.set(normalOf(seed + OTHER_SEED).subarray(poisoned * SHARES), poisoned * SHARES);
  const [price, alive] = [new Float64Array(SHARES).fill(1), new Uint8Array(SHARES).fill(1)];
  const [returns, prices] = [new Float64Array(noise.length), new Float64Array(noise.length)];
  const listed = new Uint8Array(noise.length);
  for (let i = 0; i < noise.length; i += 1) {
    const m = i % SHARES;
    returns[i] = alive[m] ? DEVIATION * noise[i] : 0; // who was taken off the list is paid out, and rests
    price[m] *= 1 + returns[i];
    if (price[m] < DELISTED) alive[m] = 0;
    prices[i] = Math.log(price[m]);
    listed[i] = alive[m];
  }
  return { returns, prices, listed };
};

const lastOf = ({ listed }) => listed.subarray((BARS - 1) * SHARES);

// Which shares are held on each day: those whose trend is higher than their price is dear.
const holdingsOf = (market, rule, leaks, delay) => {
  const { prices, listed } = market;
  const [window, weight] = RULES[rule];
  const after = leaks.centred ? window - Math.floor(window / 2) : 0;
  const shift = leaks.same_bar ? 0 : delay + 1;
  const scale = DEVIATION * Math.sqrt(window);
  const survives = lastOf(market);
  const held = new Uint8Array(prices.length);
  for (let m = 0; m < SHARES; m += 1) {
    if (leaks.survivors && !survives[m]) continue;
    let [total, square, known] = [0, 0, 0];
    const add = (t) => {
      const p = prices[t * SHARES + m];
      total += p;
      square += p * p;
      known += 1;
    };
    if (leaks.scaler) for (let t = 0; t < BARS; t += 1) add(t);
    for (let t = 0; t < BARS - shift; t += 1) {
      if (!leaks.scaler) add(t);
      if (t < LONGEST || !listed[t * SHARES + m]) continue;
      const last = Math.min(t + after, BARS - 1);
      const first = Math.max(t + after - window, 0);
      const trend = (prices[last * SHARES + m] - prices[first * SHARES + m]) / scale;
      const mean = total / known;
      const spread = Math.sqrt(Math.max(square / known - mean * mean, 1e-12));
      if (trend > (weight * (prices[t * SHARES + m] - mean)) / spread)
        held[(t + shift) * SHARES + m] = 1;
    }
  }
  return held;
};

const sizeOf = (market, leaks) => (leaks.survivors ? tx.sum(Array.from(lastOf(market))) : SHARES);

// Of each day that counts: which part of the money is traded, and the return after costs.
const trialOf = (market, rule, { leaks, delay, cost }) => {
  const held = holdingsOf(market, rule, leaks, delay);
  const size = sizeOf(market, leaks);
  const [net, traded] = [[], []];
  for (let t = FIRST; t < BARS; t += 1) {
    let [gained, moved] = [0, 0];
    for (let m = 0; m < SHARES; m += 1) {
      const i = t * SHARES + m;
      gained += held[i] * market.returns[i];
      moved += Math.abs(held[i] - (t > FIRST ? held[i - SHARES] : 0));
      if (t === BARS - 1) moved += held[i]; // at the end everything is sold
    }
    traded.push(moved / size);
    net.push(gained / size - (cost / 10000) * (moved / size));
  }
  return { held, net, traded };
};

const meanOf = (xs) => tx.sum(xs) / xs.length;
const spreadOf = (xs, less = 1) => {
  const mean = meanOf(xs);
  return Math.sqrt(tx.sum(xs.map((x) => (x - mean) ** 2)) / (xs.length - less));
};
const below = (z) => 0.5 * (1 + tx.nn.erf(z * Math.SQRT1_2));
// The number below which a standard normal one lies with this probability.
const quantileOf = (probability) => {
  let [low, high] = [-9, 9];
  for (let i = 0; i < 70; i += 1) {
    const middle = (low + high) / 2;
    if (below(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
};

// How sure it is that the best of so many rules beats luck.
const deflatedOf = (net, ratios) => {
  const [count, ratio] = [ratios.length, Math.max(...ratios)];
  const luck =
    count > 1
      ? spreadOf(ratios) *
        ((1 - EULER) * quantileOf(1 - 1 / count) + EULER * quantileOf(1 - 1 / (count * Math.E)))
      : 0;
  const [mean, spread] = [meanOf(net), spreadOf(net, 0)];
  const moment = (n) => meanOf(net.map((x) => ((x - mean) / spread) ** n));
  const width = Math.sqrt(1 - moment(3) * ratio + ((moment(4) - 1) / 4) * ratio ** 2);
  return below(((ratio - luck) * Math.sqrt(net.length - 1)) / width);
};

const grown = (returns) => {
  let wealth = 1;
  return returns.map((x) => {
    wealth *= 1 + x;
    return wealth;
  });
};

// Every listed share, held all the time.
const allHeld = ({ returns, listed }) =>
  tx.range(BARS - FIRST).map((n) => {
    let total = 0;
    for (let i = (FIRST + n) * SHARES; i < (FIRST + n + 1) * SHARES; i += 1)
      total += returns[i] * listed[i - SHARES];
    return total / SHARES;
  });

// What Python's LeakLab.shown computes.
const backtestOf = (market, others, choices) => {
  const tests = tx.range(choices.tried).map((rule) => trialOf(market, rule, choices));
  const ratios = tests.map(({ net }) => meanOf(net) / spreadOf(net));
  const ratio = Math.max(...ratios);
  const rule = ratios.indexOf(ratio);
  const { held, net, traded } = tests[rule];
  const error = Math.sqrt((1 + ratio ** 2 / 2) / net.length);
  const year = Math.sqrt(YEAR);
  let [changed, all] = [0, 0];
  others.forEach((other, n) => {
    const without = holdingsOf(other, rule, choices.leaks, choices.delay);
    for (let i = FIRST * SHARES; i < (POISONED[n] + 1) * SHARES; i += 1) {
      changed += Number(held[i] !== without[i]);
      all += 1;
    }
  });
  return {
    sharpe: ratio * year,
    low: (ratio - 1.96 * error) * year,
    high: (ratio + 1.96 * error) * year,
    deflated: deflatedOf(net, ratios),
    rule,
    turnover: (tx.sum(traded) * YEAR) / net.length,
    wealth: grown(net),
    held: grown(allHeld(market)),
    poisoned: changed / all,
    changed,
    holdings: all,
  };
};
