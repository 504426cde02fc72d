// The fan chart: the forecaster in this page reads the window before the origin, and says quantiles of
// what comes; a hand moves the origin.

const MODEL = "the model";

const lines = (model) =>
  [
    "import torch",
    "",
    "from txlite.inspect import record_attention",
    "from txlite.models import Forecaster, ForecasterConfig",
    "from txlite.viz.widgets.fan_chart import FanChart",
    "",
    "figure = FanChart.latest()  # carries the trained model and the series",
    "model = Forecaster(ForecasterConfig(**figure.config)).double().eval()",
    "model.load_state_dict(figure.part())",
    `figure.origin = ${model.get("origin")}`,
    "with record_attention(model) as maps, torch.no_grad():",
    "    forecast = model(figure.window())",
    "quantiles = forecast.values[0, :, 0].mT  # levels, steps",
    "came, scores = figure.future(), figure.scores()",
    "attention = torch.cat([*maps.values()])  # layers, heads, queries, keys",
    `attention = ${tx.attendedCode(model.get("config"), model.get("layer"), model.get("head"))}`,
    ...(model.get("config").pooling === "class"
      ? [
          `attention = attention[${model.get("patch") < 0 ? ":" : "1:"}, 1:]  # the class token is no patch`,
        ]
      : []),
    model.get("patch") < 0
      ? "attention = attention.mean(0)"
      : `attention = attention[min(${model.get("patch")}, len(attention) - 1)]`,
  ].join("\n");

const key = (color, text, name = "") =>
  tx.html("span", {}, tx.html("i", { class: name, style: `border-color: ${color}` }), text);
const meanGap = (a, b) => tx.sum(a.map((x, i) => Math.abs(x - b[i]))) / a.length;

const render = async ({ model, el }) => {
  const config = model.get("config");
  const { context_length: length, horizon, levels } = config;
  const [names, stamps] = [model.get("names"), model.get("stamps")];
  const [unit, step] = [model.get("unit"), model.get("step")];
  const { controls, stage, lead, foot, status, watch, room } = tx.frame(el, model, {
    code: () => lines(model),
    help: "Move the origin along the series: the model in this page reads what is left of it, and nothing else. Guess first, then show what came.",
    play: {
      at: () => chosen(),
      go: (origin) => tx.push(model, { origin }),
      last: () => origins.length - 1,
    },
  });
  const numbers = tx.tensors(model.get("numbers"));
  const series = Array.from(numbers.series.data);
  const origins = Array.from(numbers.origins.data);
  const forecasts = names.map((_, k) => tx.nested(numbers[`other.${k}`]));
  const medians = tx.nested(numbers.medians);
  function chosen() {
    return Math.min(model.get("origin"), origins.length - 1);
  }
  const futures = origins.map((at) => series.slice(at, at + horizon));
  const meansOf = (table) => tx.sum(table.map((row, n) => meanGap(row, futures[n]))) / table.length;
  const means = [medians, ...forecasts].map(meansOf);

  const slider = tx.slider({
    label: "Origin",
    min: 0,
    max: origins.length - 1,
    step: 1,
    value: chosen(),
    format: (n) => stamps[n],
    oninput: (origin) => tx.push(model, { origin }),
  });
  slider.input.setAttribute("data-control", "");
  lead.append(slider.root);
  const reveal = tx.checkbox({
    label: "show what came",
    value: model.get("reveal"),
    oninput: (value) => tx.push(model, { reveal: value }),
  });
  const machine = tx.forecaster(config, await tx.arrived(status, tx.weightsOf(model)));
  const { starts } = machine(series.slice(origins[0] - length, origins[0]));
  const asked = tx.select({
    label: "Read by",
    value: model.get("patch"),
    options: [
      { value: -1, label: "all patches, averaged" },
      ...starts.map((_, n) => ({ value: n, label: `patch ${n + 1}` })),
    ],
    oninput: (v) => tx.push(model, { patch: Number(v) }),
  });
  const whose = tx.whoseAttention(model, config);
  controls.append(reveal.root);

  const width = Math.min(680, Math.round(room()));
  const stretch = series.slice(Math.max(0, origins[0] - length), origins.at(-1) + horizon);
  const ends = [Math.min(...stretch), Math.max(...stretch)];
  const margin = 0.06 * (ends[1] - ends[0]);
  const { ticks, limits } = roundTicks(ends[0] - margin, ends[1] + margin);
  const fan = fanPicture({
    width,
    length: Math.min(length, 2 * horizon),
    horizon,
    limits,
    ticks,
    unit,
    step,
    levels,
  });
  fan.root.setAttribute("data-effect", ""); // what a phone shows beside the control and the number
  const reading = windowPicture({
    width,
    length,
    limits,
    starts,
    size: config.patch_length,
    stride: config.stride,
  });
  const whole = overview({
    width,
    series,
    origins,
    horizon,
    onmove: (origin) => origin !== chosen() && tx.push(model, { origin }),
    says: () => stamps[chosen()],
  });
  const legend = tx.html(
    "p",
    { class: "fc-legend" },
    key("var(--tx-accent)", `${MODEL}, with its quantiles`),
    names.map((name, k) => key(COLORS[k], name, "fc-dashed")),
    key("currentColor", "what came", "fc-key-came"),
  );
  const told = tx.html(
    "p",
    { class: "fc-told" },
    `The ${length} values that the model reads, in patches: the darker, the more was read.`,
  );
  const choices = tx.html("div", { class: "tx-row" }, asked.root, whose.root);
  stage.append(tx.html("div", {}, fan.root, legend, told, reading.root, choices, whole.root));
  const twin = tx.twin();
  foot.append(twin.root);

  // What a patch reads, of each layer and head; the class token is no patch.
  const before = config.pooling === "class" ? 1 : 0;
  const readFrom = (self, patch) => {
    const rows = self.map((heads) =>
      heads.map((map) => {
        const asking = patch < 0 ? map : [map[before + Math.min(patch, map.length - 1 - before)]];
        return map[0].map((_, s) => tx.sum(asking.map((row) => row[s])) / asking.length);
      }),
    );
    return tx.attended(rows, model.get("layer"), model.get("head")).slice(before);
  };

  const draw = () => {
    const n = chosen();
    const at = origins[n];
    const past = series.slice(at - length, at);
    const { quantiles, middle, self } = machine(past);
    const others = forecasts.map((table) => table[n]);
    const came = futures[n];
    const shown = model.get("reveal");
    slider.value = n;
    reveal.value = shown;
    asked.value = model.get("patch");
    whose.update();
    fan.update({ past, quantiles, middle, others, came: shown ? came : null });
    whole.place(at);
    const weights = readFrom(self, model.get("patch"));
    reading.update(past, weights);
    const here = [quantiles[middle], ...others].map((values) => meanGap(values, came));
    const caught = came.filter((v, h) => v >= quantiles[0][h] && v <= quantiles.at(-1)[h]).length;
    const band = tx.percent(levels.at(-1) - levels[0]);
    const most = tx.mostAttended(weights, 1)[0];
    const newest = `patch ${most + 1} of ${weights.length} was read most`;
    const short = (value) => tx.number(value, Math.abs(value) < 10 ? 2 : 0);
    const size = (value) => `${short(value)}${unit ? ` ${unit}` : ""}`;
    const scores = [MODEL, ...names].map(
      (name, k) => `${name} ${short(here[k])} (${short(means[k])})`,
    );
    status(
      shown
        ? `From ${stamps[n]}: off by ${scores.join(", ")}${unit ? ` ${unit}` : ""} (on average over ${origins.length} origins); ${caught} of ${horizon} values lie in the band of ${band}.`
        : `From ${stamps[n]}: the fan says between ${size(quantiles[0].at(-1))} and ${size(quantiles.at(-1).at(-1))} for the last step, with ${band}; ${newest}.`,
    );
    twin.update(
      shown
        ? {
            caption: `Mean absolute error${unit ? `, in ${unit}` : ""}`,
            columns: ["forecast", "from this origin", `mean over ${origins.length} origins`],
            rows: [MODEL, ...names].map((name, k) => [name, here[k], means[k]]),
          }
        : {
            caption: "What the model says",
            columns: [step, ...levels.map((level) => `quantile ${level}`)],
            rows: came.map((_, h) => [String(h + 1), ...quantiles.map((row) => row[h])]),
          },
    );
    Object.assign(stage.dataset, {
      quantiles: JSON.stringify(quantiles),
      weights: JSON.stringify(weights),
      here: JSON.stringify(here),
      means: JSON.stringify(means),
      caught,
    });
  };
  return watch(draw);
};

export default { render };
