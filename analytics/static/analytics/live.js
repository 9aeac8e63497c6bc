// Live calls: the websocket brings everything once, then changes; this keeps them, draws them, and connects again.
(() => {
  const root = document.getElementById("an-live");
  if (!root) return;
  const ROWS_MAX = 200;        // More rows than anybody reads; the counts are of all.
  const HISTORY_S = 300;
  const DRAW_MS = 250;
  const RETRY_MS_MAX = 15000;
  const NOT_ALLOWED = 4403;
  const by = (id) => document.getElementById(id);
  const body = by("an-calls"), find = by("an-find"), state = by("an-state");
  const showsTenants = root.dataset.tenants === "1", showsTrunks = root.dataset.trunks === "1";
  const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: root.dataset.zone });
  const words = { trying: "Trying", ringing: "Ringing", answered: "Answered" };

  const calls = new Map();
  const rows = new Map();
  const history = [];
  let offset = 0, arrived = 0, nodes = 0, known = false, dirty = true, retryMs = 500;
  const now = () => Date.now() / 1000 + offset;

  const status = (kind, text) => { by("an-status").dataset.state = kind; by("an-status").textContent = text; };
  const showStatus = () => (nodes ? status("live", `Live · ${nodes} ${nodes === 1 ? "node" : "nodes"} reporting`) : status("warn", "Connected, but no SIP node reports"));

  const take = (message) => {
    offset = message.now - Date.now() / 1000;
    if (message.type === "snapshot") {
      const listed = new Set(message.calls.map((call) => call.call_id));
      for (const id of calls.keys()) if (!listed.has(id)) calls.delete(id);
      for (const call of message.calls) { if (known && !calls.has(call.call_id)) arrived += 1; calls.set(call.call_id, call); }
      nodes = message.nodes;
      known = true;
    } else {
      if (message.reset) for (const [id, call] of calls) if (call.node === message.node) calls.delete(id);
      for (const call of message.calls) { if (!message.reset && !calls.has(call.call_id)) arrived += 1; calls.set(call.call_id, call); }
      for (const id of message.ended) calls.delete(id);
      nodes = Math.max(nodes, 1);
    }
    showStatus();
    dirty = true;
  };

  const connect = () => {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/live/`);
    socket.onmessage = (event) => { retryMs = 500; take(JSON.parse(event.data)); };
    socket.onclose = (event) => {
      if (event.code === NOT_ALLOWED) { status("lost", "You are logged out, or may not see live calls. Reload the page to log in."); return; }
      status("lost", "Connection lost; trying again…");
      setTimeout(connect, retryMs * (0.75 + Math.random() / 2));
      retryMs = Math.min(2 * retryMs, RETRY_MS_MAX);
    };
  };

  const span = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds)), h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, s = String(whole % 60).padStart(2, "0");
    return h ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
  };
  const matches = (call) => (!state.value || call.state === state.value)
    && (!find.value || [call.caller, call.called, call.tenant, call.trunk].join("\n").toLowerCase().includes(find.value.trim().toLowerCase()));

  const newRow = () => {
    const row = document.createElement("tr");
    const cell = (className) => { const made = document.createElement("td"); made.className = className; row.append(made); return made; };
    const tag = document.createElement("span");
    tag.className = "an-tag";
    cell("an-c-state").append(tag);
    const parts = { row, tag, caller: cell("an-phone an-c-caller"), called: cell("an-phone an-c-called") };
    if (showsTenants) parts.tenant = cell("an-c-tenant");
    if (showsTrunks) parts.trunk = cell("an-c-trunk");
    parts.duration = cell("an-num an-c-duration");
    parts.began = cell("an-num an-c-began");
    return parts;
  };
  const fill = (parts, call) => {
    parts.tag.textContent = words[call.state] || call.state;
    parts.tag.dataset.state = call.state;
    parts.caller.textContent = call.caller || "anonymous";
    parts.called.textContent = call.called;
    if (parts.tenant) parts.tenant.textContent = call.tenant;
    if (parts.trunk) parts.trunk.textContent = call.trunk || "–";
    parts.duration.textContent = span(now() - (call.answered_at ?? call.started_at));
    parts.duration.title = call.answered_at ? "since the answer" : "since the INVITE";
    parts.began.textContent = clock.format(new Date(call.started_at * 1000));
  };

  const draw = () => {
    if (!dirty) return;
    dirty = false;
    const all = [...calls.values()], wanted = all.filter(matches).sort((a, b) => b.started_at - a.started_at || (a.call_id < b.call_id ? -1 : 1));
    const shown = wanted.slice(0, ROWS_MAX), ids = new Set(shown.map((call) => call.call_id));
    for (const [id, parts] of rows) if (!ids.has(id)) { parts.row.remove(); rows.delete(id); }
    shown.forEach((call, index) => {
      if (!rows.has(call.call_id)) rows.set(call.call_id, newRow());
      const parts = rows.get(call.call_id);
      fill(parts, call);
      if (body.children[index] !== parts.row) body.insertBefore(parts.row, body.children[index] || null);
    });
    const answered = all.filter((call) => call.state === "answered").length;
    by("an-count").textContent = known ? all.length.toLocaleString("en") : "–";
    by("an-answered").textContent = known ? answered.toLocaleString("en") : "–";
    by("an-setup").textContent = known ? (all.length - answered).toLocaleString("en") : "–";
    showEmpty(all.length, shown.length);
    by("an-more").hidden = wanted.length <= ROWS_MAX;
    by("an-more").textContent = `The ${ROWS_MAX} newest of ${wanted.length.toLocaleString("en")} calls are listed; the counts above are of all.`;
  };
  const showEmpty = (count, shown) => {
    const empty = by("an-empty");
    empty.hidden = shown > 0;
    by("an-table").hidden = shown === 0;
    const title = document.createElement("strong");
    title.textContent = !known ? "Waiting for the first report" : count ? "No call matches" : nodes ? "No calls in progress" : "No SIP node reports";
    empty.replaceChildren(title, !known ? "" : count ? "Change the filter above." : nodes ? "A call shows here the moment its INVITE arrives." : "Calls may be running unseen. Is the node up?");
  };

  // Once a second: durations tick, and what happened in that second becomes a point of the charts.
  const tick = () => {
    for (const [id, parts] of rows) { const call = calls.get(id); if (call) parts.duration.textContent = span(now() - (call.answered_at ?? call.started_at)); }
    if (!known) return;
    history.push([Date.now(), calls.size, arrived]);
    arrived = 0;
    while (history.length > HISTORY_S) history.shift();
    const last = history.slice(-10);
    by("an-rate").textContent = (last.reduce((sum, point) => sum + point[2], 0) / last.length).toFixed(1);
    charts.forEach((chart) => chart.refresh());
  };

  const { draw: drawChart, axis, tooltip } = window.AnCharts;
  const spark = (id, index, unit, colourName) => {
    const points = () => history.map((point) => [point[0], point[index]]);
    // Grows from one minute to five, so that a page just opened is not an empty chart with a stroke at its edge.
    const range = () => {
      const end = history.length ? history[history.length - 1][0] : Date.now();
      const seen = history.length ? end - history[0][0] : 0;
      return { min: end - Math.min(Math.max(seen, 60000), HISTORY_S * 1000), max: end };
    };
    const made = drawChart(by(id), (c) => ({
      animation: false, grid: { left: 8, right: 14, top: 26, bottom: 2, containLabel: true },
      tooltip: tooltip(c, { formatter: (at) => `${clock.format(new Date(at[0].value[0]))} ${root.dataset.zone}<br><b>${at[0].value[1]}</b> ${unit}` }),
      xAxis: { type: "time", ...range(), ...axis(c), splitLine: { show: false }, splitNumber: 3, axisLabel: { color: c.muted, hideOverlap: true, formatter: (at) => clock.format(new Date(at)) } },
      yAxis: { type: "value", name: unit, minInterval: 1, min: 0, max: (value) => (value.max < 4 ? 4 : null), splitNumber: 3, ...axis(c), nameTextStyle: { color: c.muted, align: "left" } },
      series: [{ type: "line", step: "end", showSymbol: false, data: points(), itemStyle: { color: c[colourName] }, lineStyle: { width: 2 }, areaStyle: { opacity: 0.14 } }],
    }));
    return { refresh: () => made.chart.setOption({ xAxis: range(), series: [{ data: points() }] }) };
  };
  const charts = [spark("an-concurrent", 1, "calls", "revenue"), spark("an-attempts", 2, "calls a second", "margin")];

  find.addEventListener("input", () => { dirty = true; });
  state.addEventListener("change", () => { dirty = true; });
  setInterval(draw, DRAW_MS);
  setInterval(tick, 1000);
  connect();
})();
