// The leak lab: noise for prices, a rule, switches for mistakes. Every number is computed here.

const LEAKS = {
  scaler: "mean and deviation of all days, also those to come",
  centred: "a trend from a window around the day",
  same_bar: "the day's return for a decision at its end",
  survivors: "only shares that are still listed at the end",
};
const CHOICES = ["seed", ...Object.keys(LEAKS), "cost", "delay", "tried"];

const lines = (model) =>
  [
    "from txlite.viz.widgets.leak_lab import LeakLab",
    "",
    "figure = LeakLab(",
    ...CHOICES.map((name) => `    ${name}=${tx.python(model.get(name))},`),
    ")",
    "shown = figure.shown()",
    "sharpe, low, high = shown.sharpe, shown.low, shown.high",
    "deflated, poisoned = shown.deflated, shown.poisoned",
  ].join("\n");

// Money over time on a plane of its own scale: it is drawn anew, for its ends move.
const chart = (wealth, held, width) => {
  const all = [...wealth, ...held];
  const step =
    [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find(
      (size) => (Math.max(...all) - Math.min(...all)) / size <= 6,
    ) ?? 10000;
  const low = Math.floor(Math.min(...all) / step);
  const high = Math.ceil(Math.max(...all) / step);
  const plane = tx.plane({
    width,
    height: width < 420 ? 230 : 280,
    xlim: [0, wealth.length],
    ylim: [low * step, high * step],
    xticks: [0, 252, 504],
    yticks: tx.range(high - low + 1).map((n) => Number(((low + n) * step).toFixed(6))),
    xlabel: "day",
    ylabel: "one unit of money became",
    label:
      "What one unit of money became, with the rule and with all shares; the ends are in the table below.",
  });
  const path = (name, values) =>
    tx.svg("path", {
      class: name,
      d: plane.line([[0, 1], ...values.map((value, day) => [day + 1, value])]),
    });
  plane.root.append(path("ll-held", held), path("ll-wealth", wealth));
  return plane.root;
};

const key = (name, text) => tx.html("span", {}, tx.html("i", { class: name }), text);

const whole = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

const verdict = (made, tried, it) => {
  const ratio = `Sharpe ratio ${tx.number(it.sharpe, 2)} (95 % from ${tx.number(it.low, 2)} to ${tx.number(it.high, 2)})`;
  const luck = `deflated for ${tried} ${tried === 1 ? "rule" : "rules"} tried: ${tx.number(it.deflated, 2)}`;
  const future =
    it.changed > 0
      ? `a replaced future changes ${whole(it.changed)} of ${whole(it.holdings)} holdings: the rule has seen it`
      : `a replaced future changes none of ${whole(it.holdings)} holdings`;
  const who = made ? `${made} ${made > 1 ? "leaks" : "leak"}` : "No leak";
  return `${who}: ${ratio}; ${luck}; ${future}.`;
};

const render = ({ model, el }) => {
  const { controls, stage, foot, status, watch, room } = tx.frame(el, model, {
    code: () => lines(model),
    help:
      "The prices are noise: no rule can earn on them. Switch a mistake on, and see what a test says of it. " +
      "Nothing here is advice, and no real price is in it.",
  });
  const push = (name) => (value) => tx.push(model, { [name]: value });
  const sliders = {
    seed: tx.slider({
      label: "Prices",
      min: 0,
      max: 99,
      step: 1,
      value: model.get("seed"),
      format: (n) => `no. ${n}`,
      oninput: push("seed"),
    }),
    cost: tx.slider({
      label: "Cost",
      min: 0,
      max: 50,
      step: 1,
      value: model.get("cost"),
      format: (n) => tx.percent(n / 10000, 2),
      oninput: push("cost"),
    }),
    delay: tx.slider({
      label: "Delay",
      min: 0,
      max: 4,
      step: 1,
      value: model.get("delay"),
      format: (n) => (n ? `${n} ${n === 1 ? "day" : "days"}` : "none"),
      oninput: push("delay"),
    }),
    tried: tx.slider({
      label: "Rules tried",
      min: 1,
      max: RULES.length,
      step: 1,
      value: model.get("tried"),
      format: String,
      oninput: push("tried"),
    }),
  };
  const rows = tx.html(
    "div",
    { class: "tx-row", role: "group", "aria-label": "Prices, costs, delay and rules" },
    Object.values(sliders).map(({ root }) => root),
  );
  tx.rove(rows);
  const boxes = Object.fromEntries(
    Object.entries(LEAKS).map(([name, label]) => [
      name,
      tx.checkbox({ label, value: model.get(name), oninput: push(name) }),
    ]),
  );
  controls.append(
    tx.html(
      "fieldset",
      { class: "ll-leaks" },
      tx.html("legend", {}, "Leaks"),
      Object.values(boxes).map(({ root }) => root),
    ),
  );
  const picture = tx.html("div", { class: "ll-picture" });
  const legend = tx.html(
    "p",
    { class: "tx-legend ll-legend" },
    key("ll-key-wealth", "the rule, after costs"),
    key("ll-key-held", "all listed shares, held"),
  );
  stage.append(tx.html("div", {}, picture, legend), rows);
  const twin = tx.twin();
  foot.append(twin.root);

  let [drawn, market, others] = [null, null, null];
  const draw = () => {
    const seed = model.get("seed");
    if (drawn !== seed) {
      market = marketOf(seed);
      others = POISONED.map((day) => marketOf(seed, day));
      drawn = seed;
    }
    const leaks = Object.fromEntries(Object.keys(LEAKS).map((name) => [name, model.get(name)]));
    for (const name of Object.keys(LEAKS)) boxes[name].value = leaks[name];
    for (const [name, slider] of Object.entries(sliders)) slider.value = model.get(name);
    const [cost, delay, tried] = ["cost", "delay", "tried"].map((name) => model.get(name));
    const it = backtestOf(market, others, { leaks, cost, delay, tried });
    picture.replaceChildren(chart(it.wealth, it.held, Math.min(640, Math.round(room()))));
    status(verdict(tx.sum(Object.values(leaks).map(Number)), tried, it));
    const [window, weight] = RULES[it.rule];
    twin.update({
      caption: "What the test says",
      columns: ["what", "value"],
      rows: [
        ["Sharpe ratio, for a year", it.sharpe],
        ["its 95 % interval, lower end", it.low],
        ["its 95 % interval, upper end", it.high],
        [`deflated ratio, ${tried} ${tried === 1 ? "rule" : "rules"} tried`, it.deflated],
        ["the best rule: days of its trend", String(window)],
        ["the best rule: weight of a high price", weight],
        ["traded in a year, in times the money", it.turnover],
        ["one unit of money became", it.wealth.at(-1)],
        ["all listed shares, held", it.held.at(-1)],
        ["holdings that a replaced future changes", tx.percent(it.poisoned, 2)],
      ],
    });
    const { sharpe, low, high, deflated, rule, turnover, poisoned } = it;
    Object.assign(stage.dataset, { sharpe, low, high, deflated, rule, turnover, poisoned });
    stage.dataset.wealth = JSON.stringify(it.wealth);
    stage.dataset.held = JSON.stringify(it.held);
  };
  return watch(draw);
};

export default { render };
