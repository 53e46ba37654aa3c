"use strict";
// Adds up the counts that the filter leaves, and shows them. Text gets into the page as text alone.
(async () => {
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const numbers = read("numbers"), charts = read("charts");
  const AXES = ["agent", "source", "type"];
  const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
  const BARS = 20; // the others stand in the table
  const form = document.getElementById("filter");
  const views = {};

  const whole = new Intl.NumberFormat("en").format;
  const share = (part, all) => all ? `${(100 * part / all).toFixed(1)} %` : "none";
  const sum = (rows, column) => rows.reduce((total, row) => total + row[column], 0);

  function element(name, text, attributes = {}) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function group(rows, place, columns) { // sums of the columns, by what is at the place
    const sums = new Map();
    for (const row of rows) {
      const held = sums.get(row[place]) ?? columns.map(() => 0);
      columns.forEach((column, at) => { held[at] += row[column]; });
      sums.set(row[place], held);
    }
    return sums;
  }

  function left(rows) { // those that the filter leaves
    const wanted = AXES.map(axis => form.elements[axis].value);
    return rows.filter(row => wanted.every((place, at) => place === "" || row[at] === Number(place)));
  }

  function table(id, caption, head, rows) {
    const section = document.getElementById(id);
    const made = element("table");
    made.append(element("caption", caption));
    const kind = (cell, at) => rows.some(row => typeof row[at] === "number") ? { class: "n" } : {};
    const line = (cells, name, extra = {}) => {
      const tr = element("tr");
      cells.forEach((cell, at) => tr.append(
        element(name, typeof cell === "number" ? whole(cell) : cell, { ...kind(cell, at), ...extra })));
      return tr;
    };
    const thead = element("thead"), tbody = element("tbody");
    thead.append(line(head, "th", { scope: "col" }));
    tbody.append(...rows.map(row => line(row, "td")));
    made.append(thead, tbody);
    section.querySelector(".scroll").replaceChildren(made);
  }

  async function show(id, rows, words, more = {}) {
    const place = document.querySelector(`#${id} .chart`);
    place.setAttribute("aria-label", words);
    views[id]?.finalize();
    if (!rows.some(row => row.bookings)) {
      place.replaceChildren(element("p", "Nothing."));
      return;
    }
    const options = { actions: false, renderer: "svg", ast: true };
    const inner = element("div"); // Vega gives it a role of its own
    place.replaceChildren(inner);
    views[id] = await vegaEmbed(inner, { ...charts[id], ...more, datasets: { rows } }, options);
  }

  function headline() {
    const rows = left(numbers.periods);
    const [last, prior] = [0, 1].map(period => rows.filter(row => row[3] === period));
    const changes = (now, before) => before
      ? `${now >= before ? "+" : "\u2212"}${Math.abs(100 * (now / before - 1)).toFixed(0)} % to the 28 days before`
      : "none in the 28 days before";
    const points = column => {
      const [now, before] = [last, prior].map(part => sum(part, column) / sum(part, 4));
      if (Number.isNaN(now) || Number.isNaN(before)) return "nothing to compare with";
      const by = 100 * (now - before);
      return `${by >= 0 ? "+" : "\u2212"}${Math.abs(by).toFixed(1)} points to the 28 days before`;
    };
    const count = column => [whole(sum(last, column)), changes(sum(last, column), sum(prior, column))];
    const rate = column => [share(sum(last, column), sum(last, 4)), points(column)];
    const upcoming = sum(left(numbers.weeks), 4 + numbers.states.indexOf("upcoming"));
    const cells = {
      "Bookings, last 28 days": count(4),
      "Cancelled of these": count(5),
      "Cancel rate": rate(5),
      "Reschedule rate": rate(6),
      "Booked by visitors themselves": rate(7),
      "Upcoming meetings": [whole(upcoming), "still to start"],
      "Bookings in all": [whole(sum(rows, 4)), `${share(sum(rows, 5), sum(rows, 4))} cancelled`],
    };
    document.getElementById("headline").replaceChildren(...Object.entries(cells).map(([name, [number, words]]) => {
      const cell = element("div");
      cell.append(element("dt", name), element("dd", number, { class: "number" }), element("dd", words));
      return cell;
    }));
  }

  async function weeks() {
    const rows = left(numbers.weeks), states = numbers.states, at = states.map((_, n) => 4 + n);
    const by = group(rows, 3, at), starts = numbers.week_starts;
    const first = Math.max(0, ...[...by.keys()].filter(week => week < starts.length));
    const shown = starts.slice(0, first + 1).map((start, ago) => [start, by.get(ago) ?? states.map(() => 0)]);
    const line = (name, counts) => [name, counts.reduce((a, b) => a + b, 0), ...counts,
      share(counts[states.indexOf("canceled")], counts.reduce((a, b) => a + b, 0))];
    const lines = shown.map(([start, counts]) => line(start, counts));
    if (by.has(-1)) lines.unshift(line("later", by.get(-1)));
    if (by.has(starts.length)) lines.push(line("earlier", by.get(starts.length)));
    const names = states.map(state => state.replace("_", " "));
    table("weeks", "Bookings by the week from Monday", ["week from", "bookings", ...names, "cancel rate"], lines);
    await show("weeks", shown.flatMap(([week, counts]) => counts.map((bookings, place) =>
      ({ week, state: names[place], place, bookings }))),
    `Bars of bookings in each of ${shown.length} weeks, by state; the numbers are in the table below.`);
  }

  async function ranking(id, axis, words) {
    const rows = left(numbers.periods), names = numbers.names[axis];
    const found = [...group(rows, AXES.indexOf(axis), [4, 5, 6])]
      .map(([place, counts]) => [names[place], ...counts]).sort((a, b) => b[1] - a[1]);
    table(id, words, [axis, "bookings", "cancelled", "cancel rate", "rescheduled", "share of bookings"],
      found.map(([name, all, canceled, moved]) =>
        [name, all, canceled, share(canceled, all), moved, share(all, sum(rows, 4))]));
    await bars(id, found.slice(0, BARS), words);
  }

  async function lead() {
    const by = group(left(numbers.lead), 3, [4, 5]);
    const found = numbers.buckets.map((name, place) => [name, ...(by.get(place) ?? [0, 0])])
      .filter(([name, all]) => all || name !== "UNKNOWN");
    table("lead", "Days from booking to meeting", ["days ahead", "bookings", "cancelled", "cancel rate"],
      found.map(([name, all, canceled]) => [name, all, canceled, share(canceled, all)]));
    await bars("lead", found, "Bookings by days from booking to meeting");
  }

  async function bars(id, found, words) {
    const room = 1.6 * Math.max(1, ...found.map(([, all]) => all));
    const most = found.length ? `; most: ${found.reduce((a, b) => b[1] > a[1] ? b : a)[0]}` : "; none";
    await show(id, found.map(([name, bookings, canceled]) => ({ name, bookings, canceled, room,
      label: `${whole(bookings)} · ${share(canceled, bookings)}` })), `Bars. ${words}, with cancel rates${most}.`, { height: 22 * found.length });
  }

  async function hours() {
    const rows = left(numbers.hours).map(row => [...row, row[3] * 24 + row[4]]);
    const by = group(rows, 7, [5, 6]), cells = [], lines = [];
    for (let day = 1; day <= 7; day++) {
      for (let hour = 0; hour < 24; hour++) {
        const [bookings, canceled] = by.get(day * 24 + hour) ?? [0, 0];
        const rate = share(canceled, bookings);
        cells.push({ weekday: WEEKDAYS[day - 1], hour, bookings, "cancel rate": rate });
        if (bookings) lines.push([WEEKDAYS[day - 1], String(hour).padStart(2, "0") + ":00", bookings, canceled, rate]);
      }
    }
    if (by.has(0)) lines.push(["unknown", "", ...by.get(0), share(by.get(0)[1], by.get(0)[0])]);
    table("hours", "Starts of meetings on the visitor's clock",
      ["weekday", "hour", "bookings", "cancelled", "cancel rate"], lines);
    const most = lines.length ? lines.reduce((a, b) => b[2] > a[2] ? b : a) : null;
    await show("hours", cells, "A map of weekdays and hours, darker where more meetings start"
      + (most ? `; most: ${most[0]} ${most[1]}.` : "; none."));
  }

  function upcoming() {
    const all = sum(left(numbers.weeks), 4 + numbers.states.indexOf("upcoming"));
    const rows = left(numbers.upcoming);
    table("upcoming", `${whole(rows.length)} of ${whole(all)}, the next ones first; times in ${numbers.health.time_zone}`,
      ["start", "agent", "source", "type", "booked"], rows.map(([, source, type, start, agent, booked]) =>
        [start || "none", agent, numbers.names.source[source], numbers.names.type[type], booked]));
  }

  function changes() {
    const none = document.getElementById("changes-none");
    none.textContent = "";
    if (!numbers.changes) {
      none.textContent = "There is no run before this one: all is new.";
      return;
    }
    const counts = [...group(left(numbers.changes.counts), 3, [4])].sort((a, b) => b[1][0] - a[1][0] || (a[0] < b[0] ? -1 : 1));
    none.textContent = counts.map(([kind, [events]]) => `${whole(events)} ${kind}`).join(", ") || "Nothing.";
    table("changes", `The newest ${numbers.changes.rows.length} at most; times in ${numbers.health.time_zone}`,
      ["when", "what", "meeting", "agent", "before", "after"],
      left(numbers.changes.rows).map(row => row.slice(3)));
  }

  async function refresh() {
    const chosen = AXES.map(axis => form.elements[axis].selectedOptions[0].textContent)
      .filter((_, at) => form.elements[AXES[at]].value !== "");
    document.getElementById("shown").textContent =
      chosen.length ? `Shown: only ${chosen.join(", ")}.` : "Shown: all meetings.";
    headline();
    upcoming();
    changes();
    await weeks();
    await ranking("agents", "agent", "Bookings by agent");
    await ranking("sources", "source", "Bookings by source");
    await ranking("types", "type", "Bookings by type");
    await hours();
    await lead();
    document.body.dataset.shown = chosen.join(", ") || "all";
  }

  const { health } = numbers;
  document.getElementById("as-of").textContent = health.as_of
    ? `As of ${health.as_of} (${health.time_zone}); ${whole(health.meetings)} meetings.`
    : "No run has read anything yet.";
  const said = [
    ...health.gaps.map(([from, to]) => `A hole: meetings that took place from ${from} to ${to} were never seen whole.`),
    ...health.warnings.map(([words, found]) => `${words} (${whole(found)})`),
    ...(health.rejected ? [`${whole(health.rejected)} records of Drift's could not be read as meetings.`] : []),
  ];
  document.getElementById("health").append(...said.map(words => element("li", words, { class: "alarm" })),
    ...(said.length ? [] : [element("li", "No gaps, no warnings, no rejected records.")]));

  for (const axis of AXES) {
    form.elements[axis].append(new Option("all", ""),
      ...numbers.names[axis].map((name, place) => new Option(name, place)));
  }
  for (const id of Object.keys(charts)) {
    const section = document.getElementById(id), details = element("details");
    section.append(element("div", undefined, { class: "chart", role: "img" }), details);
    details.append(element("summary", "The same as a table"), element("div", undefined, { class: "scroll", tabindex: 0 }));
  }
  for (const id of ["upcoming", "changes"]) {
    const section = document.getElementById(id);
    section.append(element("p", "", { id: `${id}-none` }), element("div", undefined, { class: "scroll long", tabindex: 0 }));
  }
  form.addEventListener("change", refresh);
  form.addEventListener("reset", () => setTimeout(refresh)); // once the choices are reset
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(one => { one.open = true; }));
  await refresh();
})();
