"use strict";
// Adds up the counts that the filter leaves, and shows them. Text gets into the page as text alone.
(async () => {
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const asObjects = ({ columns, rows }) =>
    rows.map(row => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
  const numbers = Object.fromEntries(Object.entries(read("numbers"))
    .map(([name, held]) => [name, held?.columns ? asObjects(held) : held]));
  const charts = read("charts");
  const { health } = numbers;
  const AXES = ["agent", "source", "type"];
  const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
  const COUNTS = /^bookings$|^events$|_meetings$/;
  const BARS = 20; // the others stand in the table
  const form = document.getElementById("filter");
  const views = {};

  const whole = new Intl.NumberFormat("en").format;
  const share = (part, all) => all ? `${(100 * part / all).toFixed(1)} %` : "none";
  const rate = counts => share(counts.due_canceled_meetings, counts.due_meetings);

  function sum(rows) { // of each column that counts something
    const columns = Object.keys(rows[0] ?? {}).filter(column => COUNTS.test(column));
    const sums = Object.fromEntries(["bookings", "due_meetings", "due_canceled_meetings", ...columns].map(column => [column, 0]));
    for (const row of rows) for (const column of columns) sums[column] += row[column];
    return sums;
  }

  function element(name, text, attributes = {}) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function split(rows, key) { // by what stands in the column
    const parts = new Map();
    for (const row of rows) parts.set(row[key], parts.get(row[key]) ?? []).get(row[key]).push(row);
    return parts;
  }

  const group = (rows, key) => new Map([...split(rows, key)].map(([value, part]) => [value, sum(part)]));

  function left(rows) { // those that the filter leaves
    const wanted = AXES.map(axis => [axis, form.elements[axis].value]).filter(([, place]) => place !== "");
    return rows.filter(row => wanted.every(([axis, place]) => row[axis] === Number(place)));
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
    const by = group(left(numbers.periods), "period");
    const last = by.get("last") ?? sum([]), prior = by.get("prior") ?? sum([]), all = sum(left(numbers.periods));
    const signed = (change, digits) => `${change >= 0 ? "+" : "\u2212"}${Math.abs(change).toFixed(digits)}`;
    const unknown = "the 28 days before are not known whole";
    const count = column => {
      const [now, before] = [last, prior].map(counts => counts[column] ?? 0);
      return [whole(now), !health.can_compare_periods ? unknown : before
        ? `${signed(100 * (now / before - 1), 0)} % to the 28 days before` : "none in the 28 days before"];
    };
    const part = (column, of) => {
      const [now, before] = [last, prior].map(counts => counts[column] / counts[of]);
      return [share(last[column], last[of]), !health.can_compare_periods ? unknown
        : Number.isNaN(now) || Number.isNaN(before) ? "nothing to compare with"
        : `${signed(100 * (now - before), 1)} points to the 28 days before`];
    };
    const upcoming = sum(left(numbers.weeks)).upcoming_meetings ?? 0;
    const cells = {
      "Bookings, last 28 days": count("bookings"),
      "Cancelled of these, due or not": count("canceled_meetings"),
      "Cancel rate of those due": part("due_canceled_meetings", "due_meetings"),
      "Reschedule rate": part("rescheduled_meetings", "bookings"),
      "Booked by visitors themselves": part("self_booked_meetings", "bookings"),
      "Upcoming meetings": [whole(upcoming), "still to start"],
      "Bookings in all": [whole(all.bookings), `${rate(all)} of ${whole(all.due_meetings)} due ones cancelled`],
    };
    document.getElementById("headline").replaceChildren(...Object.entries(cells).map(([name, [number, words]]) => {
      const cell = element("div");
      cell.append(element("dt", name), element("dd", number, { class: "number" }), element("dd", words));
      return cell;
    }));
  }

  async function weeks() {
    const by = group(left(numbers.weeks), "week_number");
    const dated = numbers.calendar.filter(week => week.week_start_on);
    const oldest = Math.max(1, ...dated.map(week => week.week_number).filter(number => by.has(number)));
    const name = week => week.week_start_on ?? (week.week_number ? "earlier" : "later");
    const counts = week => by.get(week.week_number) ?? sum([]);
    const names = numbers.states.map(state => [state.replace("_", " "), `${state}_meetings`]);
    const listed = numbers.calendar
      .filter(week => week.week_start_on ? week.week_number <= oldest : by.has(week.week_number));
    table("weeks", "Bookings by the week from Monday. The cancel rate is that of the due meetings.",
      ["week from", "bookings", ...names.map(([shown]) => shown), "due", "due, cancelled", "cancel rate", "complete"],
      listed.map(week => [name(week), counts(week).bookings, ...names.map(([, column]) => counts(week)[column] ?? 0),
        counts(week).due_meetings, counts(week).due_canceled_meetings, rate(counts(week)),
        { true: "yes", false: "no" }[week.is_complete] ?? ""]));
    const shown = dated.filter(week => week.week_number <= oldest);
    await show("weeks", shown.flatMap(week => names.map(([state, column], place) => ({ week: name(week), state, place,
      bookings: counts(week)[column] ?? 0, complete: week.is_complete ? "yes" : "no", shade: week.is_complete ? 1 : 0.45 }))),
    `Bars of bookings in each of ${shown.length} weeks, by state, pale where a week is not over or not known whole; `
      + "the numbers are in the table below.");
  }

  async function ranking(id, axis, words) {
    const rows = left(numbers.periods), names = numbers.names[axis], { bookings } = sum(rows);
    const found = [...group(rows, axis)].map(([place, counts]) => ({ name: names[place], ...counts }))
      .sort((a, b) => b.bookings - a.bookings);
    table(id, words, [axis, "bookings", "due", "due, cancelled", "cancel rate", "rescheduled", "share of bookings"],
      found.map(each => [each.name, each.bookings, each.due_meetings, each.due_canceled_meetings, rate(each),
        each.rescheduled_meetings, share(each.bookings, bookings)]));
    await bars(id, found.slice(0, BARS), words);
  }

  async function lead() {
    const by = group(left(numbers.lead), "bucket_number");
    const found = numbers.buckets.map(bucket =>
      ({ name: bucket.lead_time_bucket, ...(by.get(bucket.bucket_number) ?? sum([])) }));
    table("lead", "Days from booking to meeting", ["days ahead", "bookings", "due", "due, cancelled", "cancel rate"],
      found.map(each => [each.name, each.bookings, each.due_meetings, each.due_canceled_meetings, rate(each)]));
    await bars("lead", found, "Bookings by days from booking to meeting");
  }

  async function bars(id, found, words) {
    const room = 1.6 * Math.max(1, ...found.map(each => each.bookings));
    const most = found.length ? `; most: ${found.reduce((a, b) => b.bookings > a.bookings ? b : a).name}` : "; none";
    await show(id, found.map(each => ({ name: each.name, bookings: each.bookings, room, due: each.due_meetings,
      label: `${whole(each.bookings)} · ${rate(each)}` })),
    `Bars. ${words}, with cancel rates of those due${most}.`, { height: 22 * found.length });
  }

  async function hours() {
    const rows = left(numbers.hours), days = split(rows, "local_weekday"), cells = [], lines = [];
    const line = (day, hour, counts) => lines.push(
      [day, hour, counts.bookings, counts.due_meetings, counts.due_canceled_meetings, rate(counts)]);
    WEEKDAYS.forEach((weekday, at) => {
      const by = group(days.get(at + 1) ?? [], "local_hour");
      for (let hour = 0; hour < 24; hour++) {
        const counts = by.get(hour) ?? sum([]);
        cells.push({ weekday, hour, bookings: counts.bookings, "cancel rate": rate(counts) });
        if (counts.bookings) line(weekday, String(hour).padStart(2, "0") + ":00", counts);
      }
    });
    if (days.has(null)) line("unknown", "", sum(days.get(null)));
    table("hours", "Starts of meetings on the visitor's clock",
      ["weekday", "hour", "bookings", "due", "due, cancelled", "cancel rate"], lines);
    const most = lines.length ? lines.reduce((a, b) => b[2] > a[2] ? b : a) : null;
    await show("hours", cells, "A map of weekdays and hours, darker where more meetings start"
      + (most ? `; most: ${most[0]} ${most[1]}.` : "; none."));
  }

  function upcoming() {
    const all = sum(left(numbers.weeks)).upcoming_meetings ?? 0;
    const rows = left(numbers.upcoming);
    table("upcoming", `${whole(rows.length)} of ${whole(all)}, the next ones first; times in ${health.time_zone}`,
      ["start", "agent", "source", "type", "booked"], rows.map(row => [row.slot_start_at ?? "none", row.agent_name,
        numbers.names.source[row.source], numbers.names.type[row.type], row.booked_at]));
  }

  function changes() {
    const none = document.getElementById("changes-none");
    none.textContent = "";
    if (!health.has_previous_sync) {
      none.textContent = "There is no run before this one: all is new.";
      return;
    }
    const counts = [...group(left(numbers.change_counts), "event_type")]
      .sort(([a, { events: m }], [b, { events: n }]) => n - m || (a < b ? -1 : 1));
    none.textContent = counts.map(([kind, { events }]) => `${whole(events)} ${kind}`).join(", ") || "Nothing.";
    table("changes", `The newest ${numbers.changes.length} at most; times in ${health.time_zone}`,
      ["when", "what", "meeting", "agent", "before", "after"], left(numbers.changes).map(row => [row.occurred_at,
        row.event_type, row.meeting_id, row.agent_name, row.from_value ?? "", row.to_value ?? ""]));
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

  document.getElementById("as-of").textContent = health.as_of_at
    ? `As of ${health.as_of_at} (${health.time_zone}); ${whole(health.meetings)} meetings. `
      + `Every booking is known from ${health.complete_from_on} on, but for holes named here.`
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
