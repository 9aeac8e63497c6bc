// The billing dashboard's charts. All figures come computed from the server.
(() => {
  const source = document.getElementById("an-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const { draw, axis, tooltip, legend } = window.AnCharts;
  const amount = (value) => `${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })} ${data.currency}`;
  const invoices = (count) => (count ? `${count} ${count === 1 ? "invoice" : "invoices"}` : "");
  const short = (value) => new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
  const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });
  const label = (text) => (data.period === "day" ? day.format(new Date(`${text}T00:00:00Z`)) : text);
  const periods = (c) => ({ type: "category", data: data.periods, ...axis(c), splitLine: { show: false }, axisLabel: { color: c.muted, hideOverlap: true, formatter: label } });
  const empty = (c, text, isEmpty) => (isEmpty ? { title: { text, left: "center", top: "middle", textStyle: { color: c.muted, fontSize: 13, fontWeight: 400 } } } : {});
  const head = (rows) => label(rows[0].axisValue) + (data.period === "hour" ? ` ${data.zone}` : "");
  const lines = (rows, text) => `${head(rows)}<br>${rows.map((row) => `${row.marker} ${row.seriesName} <b style="float:right;margin-left:18px">${row.value == null ? "no data" : text(row)}</b>`).join("<br>")}`;

  draw(document.getElementById("an-money"), (c) => ({
    ...empty(c, "No charges in this window", !data.revenue.some((value) => value) && !(data.cost || []).some((value) => value)),
    legend: legend(c), grid: { left: 8, right: 8, top: 56, bottom: 4, containLabel: true },
    tooltip: tooltip(c, { axisPointer: { type: "shadow" }, formatter: (rows) => lines(rows, (row) => amount(row.value)) }),
    xAxis: periods(c),
    yAxis: { type: "value", name: data.currency, ...axis(c), nameTextStyle: { color: c.muted, align: "left" }, axisLabel: { color: c.muted, formatter: short } },
    series: [
      { name: data.cost ? "Revenue" : "Charges", type: "bar", data: data.revenue, itemStyle: { color: c.revenue, borderRadius: [3, 3, 0, 0] }, barMaxWidth: 34, barGap: "8%" },
      ...(data.cost ? [
        { name: "Cost", type: "bar", data: data.cost, itemStyle: { color: c.cost, borderRadius: [3, 3, 0, 0] }, barMaxWidth: 34 },
        { name: "Margin", type: "line", data: data.margin, itemStyle: { color: c.margin }, lineStyle: { width: 2 }, symbolSize: 6 },
      ] : []),
    ],
  }));

  draw(document.getElementById("an-calls"), (c) => ({
    ...empty(c, "No calls in this window", !data.answered.some((value, index) => value + data.failed[index])),
    legend: legend(c), grid: { left: 8, right: 8, top: 56, bottom: 4, containLabel: true },
    tooltip: tooltip(c, { axisPointer: { type: "shadow" }, formatter: (rows) => lines(rows, (row) => (row.seriesName === "ASR" ? `${row.value.toFixed(1)} %` : row.value.toLocaleString("en"))) }),
    xAxis: periods(c),
    yAxis: [
      { type: "value", name: "calls", minInterval: 1, ...axis(c), nameTextStyle: { color: c.muted, align: "left" }, axisLabel: { color: c.muted, formatter: short } },
      { type: "value", name: "ASR, %", min: 0, max: 100, interval: 25, ...axis(c), nameTextStyle: { color: c.muted, align: "right" }, splitLine: { show: false } },
    ],
    series: [
      { name: "Answered", type: "bar", stack: "calls", data: data.answered, itemStyle: { color: c.answered }, barMaxWidth: 34 },
      { name: "Not answered", type: "bar", stack: "calls", data: data.failed, itemStyle: { color: c.failed, borderRadius: [3, 3, 0, 0] }, barMaxWidth: 34 },
      { name: "ASR", type: "line", yAxisIndex: 1, data: data.asr, connectNulls: false, itemStyle: { color: c.margin }, lineStyle: { width: 2 }, symbolSize: 6 },
    ],
  }));

  draw(document.getElementById("an-ageing"), (c) => ({
    ...empty(c, "No open invoices", !data.invoices.some((value) => value)),
    grid: { left: 8, right: 64, top: 8, bottom: 26, containLabel: true },
    tooltip: tooltip(c, { axisPointer: { type: "shadow" }, formatter: (rows) => `${rows[0].axisValue}<br>${amount(rows[0].value)}<br>${invoices(data.invoices[rows[0].dataIndex]) || "none"}` }),
    xAxis: { type: "value", name: data.currency, nameLocation: "middle", nameGap: 28, ...axis(c), splitNumber: 3, axisLabel: { color: c.muted, formatter: short, hideOverlap: true } },
    yAxis: { type: "category", inverse: true, data: data.ages, ...axis(c), axisLabel: { color: c.text } },
    series: [{
      type: "bar", data: data.due.map((value, index) => ({ value, itemStyle: { color: [c.revenue, c.cost, c.cost, c.bad, c.bad][index], borderRadius: [0, 3, 3, 0] } })), barMaxWidth: 26,
      label: { show: true, position: "right", color: c.muted, formatter: (row) => invoices(data.invoices[row.dataIndex]) },
    }],
  }));
})();
