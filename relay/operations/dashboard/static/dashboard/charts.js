// Draws the charts of charts.json with uPlot. Lines differ by their dashes as well as by colour.
"use strict";

(() => {
  const HEIGHT = 180;
  const COLOURS = 7;
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [4, 4], [14, 4], [1, 5]];
  const MARGIN = 8;
  const DAY_HOURS = 24;
  const WEEK_HOURS = 168;
  const HOURS = [1, 6, DAY_HOURS, WEEK_HOURS];
  const HOUR_SECONDS = 3600;
  const SYNC = "dashboard";
  let drawn = [];
  let last = null;
  let hours = DAY_HOURS;
  // What somebody has zoomed to, in seconds since 1970: it stays when the charts are drawn anew.
  let zoom = null;
  let isDrawing = false;

  const shownRange = (times) => zoom ?? [times.at(-1) - hours * HOUR_SECONDS, times.at(-1)];

  function zoomTo(range) {
    zoom = range;
    if (!last) return;
    const [min, max] = shownRange(last.data.times);
    isDrawing = true;
    drawn.forEach(({ plot }) => plot.setScale("x", { min, max }));
    isDrawing = false;
  }

  function showRanges() {
    const parent = document.getElementById("ranges");
    const buttons = HOURS.map((number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = number === WEEK_HOURS ? "7 d" : `${number} h`;
      button.setAttribute("aria-pressed", String(number === hours && zoom === null));
      button.addEventListener("click", () => {
        const isOther = (number === WEEK_HOURS) !== (hours === WEEK_HOURS);
        hours = number;
        // A week has other numbers than a day: they must be asked for.
        if (isOther) {
          zoom = null;
          window.showCharts();
        } else {
          zoomTo(null);
        }
        showRanges();
      });
      return button;
    });
    parent.replaceChildren(...buttons);
  }

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (index) => style(`--line-${(index % COLOURS) + 1}`);
  const number = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));
  const clock = (seconds) => {
    const text = new Date(seconds * 1000).toISOString();
    return `${hours === WEEK_HOURS ? `${text.slice(5, 10)} ` : ""}${text.slice(11, 16)} UTC`;
  };
  // Of a week the day, else the time.
  const tick = (seconds) => clock(seconds).slice(0, 5);

  function sample(index) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const attributes = { x1: 0, x2: 28, y1: 4, y2: 4, stroke: colour(index), "stroke-width": 2 };
    attributes["stroke-dasharray"] = DASHES[index % DASHES.length].join(" ");
    Object.entries(attributes).forEach(([name, value]) => line.setAttribute(name, value));
    svg.setAttribute("aria-hidden", "true");
    svg.append(line);
    return svg;
  }

  // The values under the pointer, or, while there is none, the last ones there are.
  function legendOf(chart, times) {
    const list = document.createElement("ul");
    const at = document.createElement("p");
    at.className = "at";
    const texts = chart.lines.map((line, index) => {
      const item = document.createElement("li");
      const text = document.createElement("span");
      item.append(sample(index), text);
      list.append(item);
      return text;
    });
    const lasts = chart.lines.map((line) => line.values.findLastIndex((value) => value !== null));
    const mosts = chart.lines.map((line) => line.values.reduce((a, b) => Math.max(a, b ?? 0), 0));
    const show = (position) => {
      chart.lines.forEach((line, index) => {
        const value = line.values[position ?? lasts[index]];
        texts[index].textContent = `${line.name}: ${number(value)} (most ${number(mosts[index])})`;
      });
      const latest = Math.max(...lasts);
      const known = position ?? (latest < 0 ? null : latest);
      at.textContent = known === null ? "no samples yet" : `at ${clock(times[known])}`;
    };
    show(null);
    return { list, at, show };
  }

  function draw(chart, times, parent) {
    const section = document.createElement("section");
    section.className = "chart";
    const title = document.createElement("h3");
    title.textContent = chart.title;
    const legend = legendOf(chart, times);
    section.append(title);
    parent.append(section);
    const axis = { stroke: style("--body-quiet-color"), grid: { stroke: style("--hairline-color"), width: 1 } };
    const plot = new uPlot(
      {
        width: Math.max(200, section.clientWidth - MARGIN),
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, drag: { x: true, y: false }, sync: { key: SYNC } },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        scales: { x: { range: () => shownRange(times) }, y: { range: (plot, low, high) => [0, Math.max(1, high * 1.1)] } },
        axes: [
          { ...axis, values: (plot, splits) => splits.map(tick) },
          { ...axis, size: 56, values: (plot, splits) => splits.map(number) },
        ],
        series: [
          {},
          ...chart.lines.map((line, index) => ({
            label: line.name,
            stroke: colour(index),
            width: 1.5,
            dash: DASHES[index % DASHES.length],
            points: { show: false },
          })),
        ],
        hooks: {
          setCursor: [(plot) => legend.show(plot.cursor.idx)],
          setSelect: [
            (plot) => {
              if (plot.select.width < 2 || isDrawing) return;
              const at = (x) => plot.posToVal(x, "x");
              zoomTo([at(plot.select.left), at(plot.select.left + plot.select.width)]);
              showRanges();
            },
          ],
        },
      },
      [times, ...chart.lines.map((line) => line.values)],
      section,
    );
    plot.root.setAttribute("role", "img");
    plot.root.setAttribute("aria-label", `${chart.title}, as a chart; its numbers follow`);
    section.append(legend.list, legend.at);
    return { plot, section };
  }

  window.chartsQuery = () => (hours === WEEK_HOURS ? "?days=7" : "");

  window.drawCharts = (parent, data) => {
    last = { parent, data };
    drawn.forEach(({ plot }) => plot.destroy());
    parent.replaceChildren();
    drawn = data.charts.map((chart) => draw(chart, data.times, parent));
    showRanges();
  };

  const redraw = () => last && window.drawCharts(last.parent, last.data);
  const resize = () =>
    drawn.forEach(({ plot, section }) => {
      const width = Math.max(200, section.clientWidth - MARGIN);
      if (plot.width !== width) plot.setSize({ width, height: HEIGHT });
    });
  window.addEventListener("resize", resize);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
})();
