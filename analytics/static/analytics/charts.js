// Charts in the page's own colours: drawn anew when the theme changes, resized with their box (which may start at width 0).
window.AnCharts = (() => {
  const drawn = [];
  const colour = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

  const palette = (element) => {
    const of = (name) => colour(element, `--an-${name}`);
    return {
      text: of("text"), muted: of("muted"), line: of("line"), surface: of("surface"), revenue: of("revenue"), cost: of("cost"),
      margin: of("margin"), answered: of("answered"), failed: of("failed"), bad: of("bad"),
      font: getComputedStyle(element).fontFamily,
    };
  };

  // `make(palette, width)` returns the chart's option; called again for another theme or a much different width.
  const draw = (element, make) => {
    if (!element) return null;
    const chart = echarts.init(element);
    const set = () => {
      const colours = palette(element);
      chart.setOption({ textStyle: { fontFamily: colours.font }, animationDuration: 250, ...make(colours, element.clientWidth) }, true);
    };
    let width = element.clientWidth;
    new ResizeObserver(() => {
      if (element.clientWidth === 0) return;
      const crossed = (width < 480) !== (element.clientWidth < 480) || width === 0;
      width = element.clientWidth;
      chart.resize();
      if (crossed) set();
    }).observe(element);
    set();
    drawn.push(set);
    return { chart, set };
  };

  const again = () => requestAnimationFrame(() => drawn.forEach((set) => set()));
  new MutationObserver(again).observe(document.documentElement, { attributes: true, attributeFilter: ["class", "data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);

  const axis = (c) => ({
    axisLine: { lineStyle: { color: c.line } }, axisTick: { show: false }, splitLine: { lineStyle: { color: c.line } },
    axisLabel: { color: c.muted, hideOverlap: true }, nameTextStyle: { color: c.muted },
  });
  const tooltip = (c, extra) => ({
    trigger: "axis", backgroundColor: c.surface, borderColor: c.line, textStyle: { color: c.text }, confine: true, ...extra,
  });
  const legend = (c) => ({ top: 0, left: 0, itemWidth: 14, itemHeight: 9, textStyle: { color: c.text }, inactiveColor: c.muted });
  return { draw, axis, tooltip, legend };
})();
