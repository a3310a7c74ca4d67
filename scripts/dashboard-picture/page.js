// Runs in the page of the picture, behind Chart.js.

const palette = [
  "#73bf69",
  "#f2cc0c",
  "#5794f2",
  "#ff9830",
  "#b877d9",
  "#f2495c",
  "#8ab8ff",
  "#37872d",
  "#e0b400",
  "#c4162a",
];
const named = { green: "#73bf69", yellow: "#fade2a", orange: "#ff9830", red: "#f2495c", blue: "#5794f2" };

/** @param {import("./drawing.js").Drawing} drawing */
globalThis.draw = ({ start, end, panels }) => {
  const main = document.querySelector("main");
  const seconds = Math.round(end - start);
  const header = document.createElement("header");
  header.append(element("span", "spanbus"));
  header.append(
    element(
      "small",
      `the panels of the dashboard, rendered from Prometheus data: a calm and an overloaded service, ${seconds} s`,
    ),
  );
  main.before(header);
  for (const panel of panels) {
    const { x, y, w, h } = panel.gridPos;
    const box = panel.type === "row" ? element("h2", panel.title) : drawPanel(panel, start, end);
    box.style.gridArea = `${y + 1} / ${x + 1} / span ${h} / span ${w}`;
    main.append(box);
  }
  main.style.gridAutoRows = "26px";
};

function drawPanel(panel, start, end) {
  const section = document.createElement("section");
  section.append(element("h3", panel.title));
  if (panel.type === "stat") section.append(drawStats(panel));
  else if (panel.series.length === 0) section.append(element("p", "No data"));
  else section.append(drawChart(panel, start, end), legendOf(panel.series));
  return section;
}

function drawStats({ series, fieldConfig }) {
  const stats = document.createElement("div");
  stats.className = "stats";
  const { unit, decimals, thresholds } = fieldConfig.defaults;
  const none = { name: "", points: [] };
  for (const { name, points } of series.length > 0 ? series : [none]) {
    const now = points.at(-1)?.[1] ?? null;
    const value = element("b", written(now, unit, decimals));
    value.style.color = colorOf(now, thresholds?.steps);
    const stat = document.createElement("div");
    stat.append(value);
    if (series.length > 1) stat.append(element("span", name));
    stats.append(stat);
  }
  return stats;
}

function drawChart({ series, fieldConfig }, start, end) {
  const holder = document.createElement("div");
  holder.className = "chart";
  const canvas = document.createElement("canvas");
  holder.append(canvas);
  const { unit, min = 0, max } = fieldConfig.defaults;
  const ticks = { color: "#8e8ea0", font: { size: 11 } };
  const grid = { color: "#26282e", drawTicks: false };
  // Drawn once it stands in the page, when its size is known.
  requestAnimationFrame(() => {
    new Chart(canvas, {
      type: "line",
      data: {
        datasets: series.map(({ points }, index) => ({
          data: points.map(([x, y]) => ({ x, y })),
          borderColor: palette[index % palette.length],
          backgroundColor: `${palette[index % palette.length]}1a`,
          borderWidth: 1.5,
          pointRadius: 0,
          clip: 2,
          fill: series.length === 1,
        })),
      },
      options: {
        animation: false,
        parsing: false,
        maintainAspectRatio: false,
        devicePixelRatio: 1,
        plugins: { legend: { display: false }, tooltip: { enabled: false } },
        scales: {
          x: {
            type: "linear",
            min: start,
            max: end,
            grid,
            ticks: { ...ticks, maxRotation: 0, stepSize: 20, callback: (time) => `${Math.round(time - start)} s` },
          },
          y: {
            min,
            ...(max === undefined ? { grace: "10%" } : { max }),
            grid,
            ticks: { ...ticks, maxTicksLimit: 5, ...stepOf(unit, series), callback: (value) => written(value, unit) },
          },
        },
      },
    });
  });
  return holder;
}

/** Bytes are counted in powers of two. */
function stepOf(unit, series) {
  if (unit !== "bytes") return {};
  const most = Math.max(1, ...series.flatMap(({ points }) => points.map(([, value]) => value ?? 0)));
  return { stepSize: 2 ** Math.ceil(Math.log2(most / 4)), maxTicksLimit: 8 };
}

function legendOf(series) {
  const list = document.createElement("ul");
  for (const [index, { name }] of series.entries()) {
    const item = element("li", name);
    item.style.setProperty("--color", palette[index % palette.length]);
    list.append(item);
  }
  return list;
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function colorOf(value, steps = []) {
  const step = steps.findLast((each) => typeof each.value !== "number" || (value ?? 0) >= each.value);
  return named[step?.color] ?? step?.color ?? "#73bf69";
}

/** A value with its unit, as Grafana names it. */
function written(value, unit = "short", decimals = undefined) {
  if (value === null) return "–";
  if (unit === "none" && decimals !== undefined) return value.toFixed(decimals);
  switch (unit) {
    case "s":
      return value !== 0 && Math.abs(value) < 1 ? `${short(value * 1000)} ms` : `${short(value)} s`;
    case "percentunit":
      return `${short(value * 100)} %`;
    case "bytes":
    case "decbytes":
      return value >= 2 ** 20
        ? `${short(value / 2 ** 20)} MiB`
        : value >= 1024
          ? `${short(value / 1024)} KiB`
          : `${short(value)} B`;
    case "short":
    case "none":
      return short(value);
    case "ops":
    case "cps":
    case "eps":
      return `${short(value)}/s`;
    default:
      return `${short(value)} ${unit}`;
  }
}

function short(value) {
  if (Math.abs(value) >= 1e6) return `${short(value / 1e6)} M`;
  if (Math.abs(value) >= 1e4) return `${short(value / 1e3)} K`;
  return `${Number(value.toPrecision(3))}`;
}
