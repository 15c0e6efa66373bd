// Live charts with ECharts, from the same description the page's drawing was made of.
import * as echarts from "echarts/core";
import { BarChart, CustomChart, LineChart, SankeyChart, SunburstChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";

echarts.use([BarChart, LineChart, CustomChart, SankeyChart, SunburstChart, GridComponent, MarkLineComponent, TooltipComponent, CanvasRenderer]);

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const hue = (name) => ({ water: "--water", nature: "--nature", money: "--money", ink: "--ink", grey: "--ink-3" })[name] ?? "--ink";

function tip(chart, item) {
  const box = document.createElement("div");
  box.className = "tip";
  const items = Array.isArray(item) ? item : [item];
  const index = items[0].dataIndex;
  const head = document.createElement("b");
  head.textContent = chart.names[index] ?? items[0].name;
  box.append(head);
  for (const series of chart.series) {
    const line = document.createElement("span");
    line.textContent = `${series.name} ${series.written[index]}`;
    box.append(line);
  }
  return box;
}

const dark = () => {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

function note(head, line) {
  const box = document.createElement("div");
  box.className = "tip";
  const [b, span] = [document.createElement("b"), document.createElement("span")];
  b.textContent = head;
  span.textContent = line;
  box.append(b, span);
  return box;
}

/** Flows between two columns of classes, in the colours and the order of the still drawing. */
function flows(chart, text) {
  const look = dark() ? "dark" : "light";
  const said = new Map(chart.nodes.map((n) => [n.id, n]));
  return {
    animation: false,
    textStyle: { fontFamily: text, color: token("--ink") },
    tooltip: {
      trigger: "item",
      confine: true,
      transitionDuration: 0,
      backgroundColor: "transparent",
      borderWidth: 0,
      padding: 0,
      extraCssText: "box-shadow:none",
      formatter: ({ dataType, data }) =>
        dataType === "edge"
          ? note(`${said.get(data.source).name} → ${said.get(data.target).name}`, data.written)
          : note(said.get(data.name).name, said.get(data.name).written),
    },
    series: [
      {
        type: "sankey",
        left: "17%",
        right: "17%",
        top: 20,
        bottom: 8,
        nodeWidth: 12,
        nodeGap: 10,
        layoutIterations: 0,
        draggable: false,
        emphasis: { focus: "adjacency" },
        data: chart.nodes.map((n) => ({
          name: n.id,
          href: n.href,
          cursor: n.href ? "pointer" : "default",
          depth: n.depth,
          itemStyle: { color: n[look], borderWidth: 0 },
          label: {
            position: n.depth ? "right" : "left",
            color: token("--ink"),
            fontSize: 12,
            formatter: `${n.name} {v|${n.written}}`,
            rich: { v: { fontWeight: 600, fontSize: 12, color: token("--ink") } },
          },
        })),
        links: chart.links,
        lineStyle: { color: "source", opacity: 0.5, curveness: 0.5 },
      },
    ],
  };
}

function options(chart, text) {
  if (chart.kind === "sankey") return flows(chart, text);
  const lying = chart.kind === "bars";
  const category = {
    type: "category",
    data: chart.categories,
    inverse: lying,
    axisLine: { lineStyle: { color: token("--ink-2") } },
    axisTick: { show: false },
    axisLabel: { color: token("--ink-2"), fontSize: 12, hideOverlap: true },
  };
  const value = {
    type: "value",
    min: chart.low,
    max: chart.high,
    interval: chart.step,
    splitLine: { lineStyle: { color: token("--rule") } },
    axisLabel: { color: token("--ink-2"), fontSize: 12, formatter: (v) => chart.ticks[String(v)] ?? "" },
  };
  const series = chart.series.map((s) => ({
    type: s.kind,
    name: s.name,
    data: s.values,
    connectNulls: false,
    barCategoryGap: "32%",
    symbolSize: 5,
    showSymbol: s.values.length < 40,
    itemStyle: { color: token(hue(s.hue)) },
    lineStyle: { color: token(hue(s.hue)), width: 2 },
    markLine: s.limits?.length
      ? {
          symbol: "none",
          data: s.limits.map((l) => ({ yAxis: l.value, label: { formatter: l.word, position: "insideEndTop" } })),
          lineStyle: { color: token("--alarm"), type: "solid" },
          label: { color: token("--alarm") },
        }
      : undefined,
  }));
  const spans = chart.series.filter((s) => s.spans);
  for (const s of spans) {
    series.push({
      type: "custom",
      name: s.name,
      z: 5,
      silent: true,
      data: s.spans.map((span, i) => (span ? [i, ...span] : [i, null, null])),
      renderItem: (_, api) => {
        if (api.value(1) === null || Number.isNaN(api.value(1))) return null;
        const a = lying ? api.coord([api.value(1), api.value(0)]) : api.coord([api.value(0), api.value(1)]);
        const b = lying ? api.coord([api.value(2), api.value(0)]) : api.coord([api.value(0), api.value(2)]);
        const style = { stroke: token("--ink"), lineWidth: 1.2 };
        const cap = (p) => ({ type: "line", style, shape: lying ? { x1: p[0], x2: p[0], y1: p[1] - 4, y2: p[1] + 4 } : { x1: p[0] - 4, x2: p[0] + 4, y1: p[1], y2: p[1] } });
        return { type: "group", children: [{ type: "line", style, shape: { x1: a[0], y1: a[1], x2: b[0], y2: b[1] } }, cap(a), cap(b)] };
      },
      encode: lying ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] },
    });
  }
  return {
    animation: false,
    textStyle: { fontFamily: text, color: token("--ink-2") },
    grid: { left: 4, right: 12, top: 24, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis",
      axisPointer: { type: lying ? "shadow" : "line", lineStyle: { color: token("--rule-strong") }, animation: !calm() },
      confine: true,
      transitionDuration: 0,
      backgroundColor: "transparent",
      borderWidth: 0,
      padding: 0,
      extraCssText: "box-shadow:none",
      formatter: (item) => tip(chart, item),
    },
    xAxis: lying ? value : category,
    yAxis: lying ? category : value,
    series,
  };
}

export function enliven(figure) {
  const chart = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const stills = [...figure.querySelectorAll("svg.still")];
  const still = stills.find((svg) => svg.getBoundingClientRect().height) ?? stills[0];
  const box = document.createElement("div");
  box.className = "live";
  box.style.height = `${still.getBoundingClientRect().height}px`;
  still.after(box);
  const drawn = echarts.init(box, null, { renderer: "canvas" });
  const font = getComputedStyle(document.body).fontFamily;
  drawn.setOption(options(chart, font));
  // A band or a class leads to its pedigree, as every printed figure does.
  drawn.on("click", ({ data }) => {
    if (!data?.href) return;
    const link = Object.assign(document.createElement("a"), { href: data.href, hidden: true });
    link.dataset.drawer = "";
    figure.append(link);
    link.click();
    link.remove();
  });
  still.classList.add("print-only");
  new ResizeObserver(() => drawn.resize()).observe(box);
  document.addEventListener("themechange", () => drawn.setOption(options(chart, font), true));
}
