"use strict";
// Adds up the counts that the filter leaves, and shows them. Text gets into the page as text alone.
(async () => {
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const asObjects = ({ columns, rows }) =>
    rows.map(row => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
  const numbers = Object.fromEntries(Object.entries(read("numbers"))
    .map(([name, held]) => [name, held?.columns ? asObjects(held) : held]));
  const charts = read("charts");
  function split(rows, by) { // what `by` gives → the rows for which it does
    const parts = new Map();
    for (const row of rows) {
      const part = by(row);
      parts.has(part) ? parts.get(part).push(row) : parts.set(part, [row]);
    }
    return parts;
  }
  const { health } = numbers;

  // ── What can be chosen ──────────────────────────────────────────────────────────────────────
  const AXES = { team: "team", agent: "agent", source: "source", type: "meeting_type", playbook: "playbook" };
  const FACTS = ["agent", "source", "type", "playbook"]; // a fact has one of each; teams are agents
  const names = Object.fromEntries(Object.entries(AXES).map(([axis, dimension]) =>
    [axis, numbers.names.filter(name => name.dimension === dimension)])); // by their numbers
  const teams = split(numbers.team_agents, row => row.team_number);
  const form = document.getElementById("filter");
  const DEFAULT_DAYS = "28";
  const BARS = 12, ROWS = 20; // shown until more are asked for
  const WEEKS = 26; // in a chart
  let chosen = {};

  const DAY = 86_400_000;
  const today = health.today_on ?? "1970-01-01";
  const dayOf = ago => new Date(Date.parse(today) - ago * DAY).toISOString().slice(0, 10);
  const agoOf = day => Math.round((Date.parse(today) - Date.parse(day)) / DAY);
  const oldest = health.first_on ? agoOf(health.first_on) : 0;

  function choose() { // what the address asks for
    const asked = new URLSearchParams(location.hash.slice(1));
    const unknown = [];
    chosen = { period: asked.get("period") ?? (asked.has("from") ? "custom" : DEFAULT_DAYS) };
    for (const axis of Object.keys(AXES)) {
      const place = names[axis].findIndex(name => name.group_key === asked.get(axis));
      if (place >= 0) chosen[axis] = place;
      else if (asked.has(axis)) unknown.push(`${axis} ${asked.get(axis)}`);
    }
    const days = Number(chosen.period);
    const [from, to] = ["from", "to"].map(end => Date.parse(asked.get(end)) ? agoOf(asked.get(end)) : null);
    if (chosen.period === "custom" && from !== null) chosen.range = { from, to: Math.min(to ?? 0, from) };
    else if (chosen.period === "all") chosen.range = { from: Infinity, to: -Infinity };
    else chosen.range = { from: (days > 0 ? days : Number(DEFAULT_DAYS)) - 1, to: 0 };
    if (chosen.period !== "all" && !(days > 0)) chosen.period = from === null ? DEFAULT_DAYS : "custom";
    chosen.unknown = unknown;
    form.elements.period.value = chosen.period;
    if (!form.elements.period.value) form.elements.period.value = "custom"; // of days that no choice names
    const ends = chosen.period === "all" ? { from: oldest, to: 0 } : chosen.range;
    for (const end of ["from", "to"]) form.elements[end].value = dayOf(ends[end]);
    for (const axis of Object.keys(AXES)) form.elements[axis].value = chosen[axis] ?? "";
  }

  function address(changes) { // keeps the choice, so that a view can be sent
    const kept = new URLSearchParams(location.hash.slice(1));
    for (const [name, value] of Object.entries(changes)) value === null ? kept.delete(name) : kept.set(name, value);
    history.pushState(null, "", `#${kept}`);
    return refresh();
  }
  const toggle = (axis, place) =>
    address({ [axis]: chosen[axis] === place ? null : names[axis][place].group_key });
  const showWeek = days_ago => address({ period: null, from: dayOf(days_ago), to: dayOf(Math.max(days_ago - 6, 0)) });

  const fits = row => FACTS.every(axis => chosen[axis] === undefined || row[`${axis}_number`] === chosen[axis])
    && (chosen.team === undefined || teams.get(chosen.team)?.some(one => one.agent_number === row.agent_number));
  const teamKeys = () => new Set((teams.get(chosen.team) ?? []).map(one => names.agent[one.agent_number].group_key));
  const key = axis => chosen[axis] === undefined ? null : names[axis][chosen[axis]].group_key;
  function fitsByKey(row) { // of rows that have keys in place of numbers
    const columns = { agent: "agent_key", source: "meeting_source", type: "meeting_type", playbook: "playbook_key" };
    return FACTS.every(axis => key(axis) === null || !(columns[axis] in row) || row[columns[axis]] === key(axis))
      && (chosen.team === undefined || ("team_key" in row ? row.team_key === key("team") : teamKeys().has(row.agent_key)));
  }

  // ── Adding up ───────────────────────────────────────────────────────────────────────────────
  const BY_BOOKING = ["bookings", "rescheduled_meetings", "self_booked_meetings", "rebooked_meetings", "undecided_meetings"];
  const BY_START = ["due_meetings", "due_canceled_meetings", "due_late_canceled_meetings"];
  const nothing = () => Object.fromEntries([...BY_BOOKING, ...BY_START, ...numbers.states].map(count => [count, 0]));
  const within = (ago, range) => ago !== null && ago <= range.from && ago >= range.to;

  function add(sums, row, range) { // a booking counts on its day, a due meeting on that of its start
    if (within(row.booked_days_ago, range)) {
      for (const count of BY_BOOKING) sums[count] += row[count];
      sums[row.meeting_state] += row.bookings;
    }
    if (within(row.starts_days_ago, range)) for (const count of BY_START) sums[count] += row[count];
    return sums;
  }
  const sum = (rows, range) => rows.reduce((sums, row) => add(sums, row, range), nothing());
  function group(rows, range, column) {
    const sums = new Map();
    for (const row of rows) {
      if (!sums.has(row[column])) sums.set(row[column], nothing());
      add(sums.get(row[column]), row, range);
    }
    return sums;
  }
  const ratio = (part, all) => all ? part / all : null;
  const rate = sums => ratio(sums.due_canceled_meetings, sums.due_meetings);
  const lost = sums => sums.canceled + sums.delisted;

  const isKnown = range => health.complete_days_ago !== null && range.from <= health.complete_days_ago
    && (!health.leaves_out || range.from <= oldest)
    && !numbers.gaps.some(gap => gap.from_days_ago >= range.to && gap.to_days_ago <= range.from);
  const length = range => range.from - range.to + 1;
  const before = range => ({ from: range.from + length(range), to: range.from + 1 });
  const isCompared = range => Number.isFinite(range.from) && range.to >= 0
    && isKnown({ from: before(range).from, to: range.to });

  function compared() { // the newest complete weeks in a row, up to four, and as many before them
    const first = numbers.weeks.findIndex(week => week.is_complete);
    const rest = first < 0 ? [] : numbers.weeks.slice(first);
    const end = rest.findIndex(week => !week.is_complete);
    const weeks = Math.min(4, Math.floor((end < 0 ? rest.length : end) / 2));
    if (!weeks) return null;
    const newer = { from: rest[weeks - 1].days_ago, to: rest[0].days_ago - 6 };
    return { newer, older: before(newer), words: weeks === 1 ? "the last complete week" : `the last ${weeks} complete weeks`,
      than: weeks === 1 ? "the week before" : `the ${weeks} before` };
  }

  // ── Writing ─────────────────────────────────────────────────────────────────────────────────
  const whole = new Intl.NumberFormat("en").format;
  const sign = (value, text) => value > 0 ? `+${text}` : value < 0 ? `\u2212${text}` : text;
  const percent = (value, digits = 1) => value === null ? "\u2013" : `${(100 * value).toFixed(digits)}\u00a0%`;
  const FORMATS = {
    text: value => value ?? "", count: whole, rate: percent,
    change: value => value === null ? "\u2013" : sign(value, percent(Math.abs(value), 0)),
    points: value => value === null ? "\u2013" : sign(value, `${Math.abs(100 * value).toFixed(1)}`),
    difference: value => value === null ? "\u2013" : sign(value, whole(Math.abs(value))),
    hours: value => value.toFixed(1),
  };
  function element(name, text, attributes = {}) {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    return made;
  }
  const rangeWords = range => Number.isFinite(range.from) ? `${dayOf(range.from)} to ${dayOf(range.to)}` : "all days on this page";

  const tables = {};
  // Columns: [name, kind]; cells are values, or { value, text, marked }.
  function table(id, caption, columns, rows) {
    tables[id] = { sort: null, all: false, ...tables[id], caption, columns, rows };
    drawTable(id);
  }
  const valueOf = cell => cell !== null && typeof cell === "object" ? cell.value : cell;
  const inOrder = new Intl.Collator("en", { numeric: true }).compare;
  function drawTable(id) {
    const held = tables[id], section = document.getElementById(id);
    let rows = held.rows;
    if (held.sort) {
      const { at, down } = held.sort;
      rows = [...rows].sort((a, b) => {
        const [x, y] = [valueOf(a[at]), valueOf(b[at])];
        if (x === null || y === null) return (x === null) - (y === null); // what is unknown stands last
        return (down ? -1 : 1) * (typeof x === "number" ? x - y : inOrder(x, y));
      });
    }
    const made = element("table"), head = element("tr"), thead = element("thead"), tbody = element("tbody");
    held.columns.forEach(([name, kind], at) => {
      const th = element("th", undefined, { scope: "col", ...(kind === "text" ? {} : { class: "n" }) });
      const button = element("button", name, { type: "button" });
      if (held.sort?.at === at) th.setAttribute("aria-sort", held.sort.down ? "descending" : "ascending");
      button.addEventListener("click", () => {
        const down = held.sort?.at === at ? !held.sort.down : kind !== "text";
        tables[id].sort = { at, down };
        drawTable(id);
        section.querySelectorAll("th button")[at].focus();
      });
      th.append(button);
      head.append(th);
    });
    for (const row of held.all ? rows : rows.slice(0, ROWS)) {
      const tr = element("tr");
      row.forEach((cell, at) => {
        const kind = held.columns[at][1];
        const classes = [...(kind === "text" ? [] : ["n"]), ...(cell?.marked ? ["marked"] : [])].join(" ");
        tr.append(element("td", cell?.text ?? FORMATS[kind](valueOf(cell)), classes ? { class: classes } : {}));
      });
      tbody.append(tr);
    }
    thead.append(head);
    made.append(thead, tbody);
    section.querySelector(".about").textContent = held.caption;
    section.querySelector(".scroll").replaceChildren(made);
    const more = section.querySelector(".rows");
    more.hidden = rows.length <= ROWS;
    more.textContent = held.all ? `Show ${ROWS} rows` : `Show all ${whole(rows.length)} rows`;
  }
  function download(id) {
    const { columns, rows } = tables[id];
    const safe = text => /^[=+@\t\r-]/.test(text) ? `'${text}` : text; // no formula of a spreadsheet's
    const field = value => value === null || value === undefined ? ""
      : typeof value === "string" ? `"${safe(value).replaceAll('"', '""')}"` : String(value);
    const lines = [columns.map(([name]) => name), ...rows.map(row => row.map(valueOf))].map(line => line.map(field).join(","));
    const link = element("a", "", { download: `bookings-${id}.csv`,
      href: URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href));
  }

  const views = {}, expanded = new Set();
  async function show(id, rows, words, clicked, more = {}) {
    const place = document.querySelector(`#${id} .chart`);
    place.setAttribute("aria-label", words);
    views[id]?.finalize();
    delete views[id];
    if (!rows.length) {
      place.replaceChildren(element("p", "Nothing."));
      return;
    }
    const inner = element("div", undefined, { "aria-hidden": true }); // the words above say what it shows
    place.replaceChildren(inner);
    views[id] = (await vegaEmbed(inner, { ...charts[id], ...more, datasets: { rows } },
      { actions: false, renderer: "svg", ast: true })).view;
    if (clicked) views[id].addEventListener("click", (_, item) => item?.datum && clicked(item.datum));
  }

  // ── The parts of the page ───────────────────────────────────────────────────────────────────
  const unknownBefore = () => health.complete_days_ago === null ? "nothing to compare with"
    : `no comparison: the days before are not known whole`;

  function headline(kept) {
    const { range } = chosen;
    const now = sum(kept, range), prior = isCompared(range) ? sum(kept, before(range)) : null;
    const days = `the ${whole(length(range))} days before`;
    const none = Number.isFinite(range.from) ? unknownBefore() : "no comparison: nothing is before all days";
    const count = column => !prior ? none : !prior[column] ? `none in ${days}`
      : `${FORMATS.change(now[column] / prior[column] - 1)} to ${days}`;
    const part = (column, of) => {
      if (!prior) return none;
      const [newer, older] = [now, prior].map(sums => ratio(sums[column], sums[of]));
      return newer === null || older === null ? "nothing to compare with"
        : `${FORMATS.points(newer - older)} points to ${days}`;
    };
    const all = sum(kept, { from: Infinity, to: -Infinity });
    const ahead = coming(), week = { from: agoOf(nextWeek(0)), to: agoOf(nextWeek(6)) };
    const ignored = ["source", "type", "playbook"].filter(axis => chosen[axis] !== undefined);
    const cells = [
      ["Cancel rate", percent(rate(now)), `${whole(now.due_canceled_meetings)} of ${whole(now.due_meetings)} due meetings`,
        part("due_canceled_meetings", "due_meetings")],
      ["Bookings", whole(now.bookings), "made in these days", count("bookings")],
      ["Canceled late", percent(ratio(now.due_late_canceled_meetings, now.due_meetings)), "of the due meetings",
        part("due_late_canceled_meetings", "due_meetings")],
      ["Booked again after canceling", percent(ratio(now.rebooked_meetings, lost(now))),
        `of ${whole(lost(now))} canceled or delisted`, `${whole(now.undecided_meetings)} of them may still`],
      ["Rescheduled", percent(ratio(now.rescheduled_meetings, now.bookings)), "of the bookings",
        "the newest may still move"],
      ["Booked by visitors themselves", percent(ratio(now.self_booked_meetings, now.bookings)), "of the bookings",
        part("self_booked_meetings", "bookings")],
      ["Upcoming meetings", whole(all.upcoming), "whenever they were booked",
        `${whole(kept.reduce((total, row) => total + (row.meeting_state === "upcoming" && within(row.starts_days_ago, week) ? row.bookings : 0), 0))} next week`],
      ["Double-booked next week", whole(ahead.reduce((total, agent) => total + agent.overlapping, 0)),
        "meetings that start while another is on", `${whole(ahead.filter(agent => agent.overlapping).length)} agents${ignored.length ? `, whatever ${ignored.join(" and ")}` : ""}`],
    ];
    document.getElementById("headline").replaceChildren(...cells.map(([name, number, ...words]) => {
      const cell = element("div");
      cell.append(element("dt", name), element("dd", number, { class: "number" }), ...words.map(line => element("dd", line)));
      return cell;
    }));
  }

  function coming() { // each agent's days: the rest of this week, and the next
    const days = split(numbers.next_days.filter(fitsByKey), day => day.agent_key);
    const total = (rows, column) => rows.reduce((sums, row) => sums + row[column], 0);
    return [...days.values()].map(rows => {
      const next = rows.filter(day => day.week_day >= 7), rest = rows.filter(day => day.week_day < 7);
      return { name: rows[0].agent_name, next, rest: total(rest, "meetings"), restOverlapping: total(rest, "overlapping_meetings"),
        meetings: total(next, "meetings"), hours: total(next, "booked_hours"), overlapping: total(next, "overlapping_meetings") };
    }).sort((a, b) => b.overlapping - a.overlapping || b.meetings - a.meetings || inOrder(a.name, b.name));
  }
  const nextWeek = at => dayOf(agoOf(health.this_week_on ?? today) - 7 - at);
  const both = (value, overlapping) =>
    ({ value, text: overlapping ? `${whole(value)} (${whole(overlapping)})` : whole(value), marked: overlapping > 0 });

  function ahead() {
    const agents = coming();
    const days = [0, 1, 2, 3, 4, 5, 6].filter(at => at < 5 || agents.some(agent => agent.next.some(day => day.week_day === 7 + at)));
    const name = at => new Date(Date.parse(nextWeek(at))).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", timeZone: "UTC" });
    table("ahead", `${nextWeek(0)} to ${nextWeek(6)}, days in ${health.time_zone ?? "UTC"}; the filters of team and agent alone count here`,
      [["agent", "text"], ["double-booked", "count"], ["meetings", "count"], ["hours", "hours"],
        ...days.map(at => [name(at), "count"]), ["rest of this week", "count"]],
      agents.map(agent => [agent.name, { value: agent.overlapping, marked: agent.overlapping > 0 }, agent.meetings, agent.hours,
        ...days.map(at => {
          const day = agent.next.find(one => one.week_day === 7 + at);
          return both(day?.meetings ?? 0, day?.overlapping_meetings ?? 0);
        }), both(agent.rest, agent.restOverlapping)]));
  }

  function short(kept) {
    const said = [], weeks = compared();
    const doubles = coming().filter(agent => agent.overlapping);
    const list = (all, most) => all.slice(0, most).join(", ") + (all.length > most ? ` and ${whole(all.length - most)} more` : "");
    said.push(doubles.length
      ? `Double-booked next week (${nextWeek(0)} to ${nextWeek(6)}): ${list(doubles.map(agent => `${agent.name} (${whole(agent.overlapping)})`), 8)}.`
      : `Nobody is double-booked next week (${nextWeek(0)} to ${nextWeek(6)}).`);
    if (!weeks) said.push("Trends need two complete weeks, all of whose bookings are known: there are none yet.");
    else {
      const [newer, older] = [weeks.newer, weeks.older].map(range => sum(kept, range));
      const [now, then] = [newer, older].map(rate);
      if (now === null || then === null) said.push("No meeting was due in one of the weeks to compare: no cancel rate.");
      else {
        const all = (newer.due_canceled_meetings + older.due_canceled_meetings) / (newer.due_meetings + older.due_meetings);
        const chance = 1.96 * Math.sqrt(all * (1 - all) * (1 / newer.due_meetings + 1 / older.due_meetings));
        const way = Math.abs(now - then) <= chance ? "is neither clearly falling nor clearly rising" : now < then ? "is falling" : "is rising";
        said.push(`The cancel rate ${way}: ${percent(now)} of ${whole(newer.due_meetings)} meetings due in ${weeks.words} (${rangeWords(weeks.newer)}), `
          + `${percent(then)} of ${whole(older.due_meetings)} in ${weeks.than}. A difference of up to ${(100 * chance).toFixed(1)} points can be chance.`);
      }
      const grown = growth(kept, weeks).map(each => `${each.name} ${FORMATS.difference(each.newer - each.older)} (${whole(each.older)} to ${whole(each.newer)})`);
      said.push(grown.length ? `Bookings by source, ${weeks.words} against ${weeks.than}: ${list(grown, 6)}.` : "No source had a booking in the weeks to compare.");
    }
    document.querySelector("#short ul").replaceChildren(...said.map(words => element("li", words)));
  }
  function growth(kept, weeks) { // of sources, the most grown first
    const [newer, older] = [weeks.newer, weeks.older].map(range => group(kept, range, "source_number"));
    return names.source.map((source, place) =>
      ({ name: source.display_name, newer: newer.get(place)?.bookings ?? 0, older: older.get(place)?.bookings ?? 0 }))
      .filter(each => each.newer || each.older).sort((a, b) => (b.newer - b.older) - (a.newer - a.older) || inOrder(a.name, b.name));
  }

  const inWeek = week => ({ from: week.days_ago, to: week.days_ago - 6 });
  const isChosen = week => Number.isFinite(chosen.range.from)
    && week.days_ago - 6 <= chosen.range.from && week.days_ago >= chosen.range.to;
  const drawn = week => ({ from: week.week_start_on, complete: week.is_complete ? "yes" : "no",
    shade: week.is_complete ? 1 : 0.45, days_ago: week.days_ago });

  async function weekly(kept) {
    // Facts are added up by week once; the parts below only look them up.
    const booked = split(kept, row => Math.floor((row.booked_days_ago - weekEnd) / 7));
    const started = split(kept, row => row.starts_days_ago === null ? null : Math.floor((row.starts_days_ago - weekEnd) / 7));
    const of = (parts, week) => parts.get(Math.floor((week.days_ago - weekEnd) / 7)) ?? [];
    const counts = numbers.weeks.map(week => ({ ...drawn(week), band: Number(isChosen(week)),
      booked: sum(of(booked, week), inWeek(week)), due: sum(of(started, week), inWeek(week)), facts: of(booked, week), inWeek: inWeek(week) }));
    const used = counts.slice(0, 1 + counts.findLastIndex(week => week.booked.bookings || week.due.due_meetings));
    const charted = used.slice(0, WEEKS).reverse();
    const clicked = row => showWeek(row.days_ago);
    const part = ({ from, complete, shade, days_ago }) => ({ from, complete, shade, days_ago });

    table("rates", "Meetings by the week of their start, from Monday",
      [["week from", "text"], ["due", "count"], ["canceled", "count"], ["cancel rate", "rate"], ["canceled late", "count"], ["complete", "text"]],
      used.map(week => [week.from, week.due.due_meetings, week.due.due_canceled_meetings, rate(week.due),
        week.due.due_late_canceled_meetings, week.complete]));
    await show("rates", charted.filter(week => week.due.due_meetings || week.band).map(week => ({ ...part(week), band: week.band,
      rate: rate(week.due), due: week.due.due_meetings, canceled: week.due.due_canceled_meetings })),
    "A line of the cancel rate of the due meetings of each week; the numbers are in the table below.", clicked);

    const states = numbers.states.map(state => [state, state.replace("_", " ")]);
    table("weeks", "Bookings by the week in which they were made, from Monday",
      [["week from", "text"], ["bookings", "count"], ...states.map(([, words]) => [words, "count"]), ["complete", "text"]],
      used.map(week => [week.from, week.booked.bookings, ...states.map(([state]) => week.booked[state]), week.complete]));
    await show("weeks", !used.length ? [] : charted.flatMap(week => states.map(([state, words], place) => ({ ...part(week), place,
      state: words, bookings: week.booked[state], band: place ? 0 : week.band }))),
    `Bars of bookings in each of ${charted.length} weeks, by state; the numbers are in the table below.`, clicked);

    const sources = names.source.map((source, place) => ({ place, name: source.display_name }))
      .filter(({ place }) => kept.some(row => row.source_number === place));
    const shown = sources.length > 7 ? sources.slice(0, 6) : sources; // as many as colours tell apart
    const lines = charted.flatMap(week => {
      const bySource = group(week.facts, week.inWeek, "source_number");
      const rows = shown.map(({ place, name }) => ({ ...part(week), name, bookings: bySource.get(place)?.bookings ?? 0 }));
      const others = sources.slice(shown.length).reduce((total, { place }) => total + (bySource.get(place)?.bookings ?? 0), 0);
      return shown.length < sources.length ? [...rows, { ...part(week), name: "Others", bookings: others }] : rows;
    });
    const weeks = compared();
    table("trend", weeks ? `Bookings of ${weeks.words} (${rangeWords(weeks.newer)}) and of ${weeks.than}`
      : "There are not two complete weeks to compare yet",
    [["source", "text"], ["newer weeks", "count"], ["weeks before", "count"], ["difference", "difference"], ["change", "change"]],
    !weeks ? [] : growth(kept, weeks).map(each => [each.name, each.newer, each.older, each.newer - each.older, each.older ? each.newer / each.older - 1 : null]));
    await show("trend", lines, "Lines of bookings of each source by week; the comparison is in the table below.", clicked);
  }
  const weekEnd = numbers.weeks.length ? numbers.weeks[0].days_ago % 7 - 6 : 0; // days ago of a Sunday

  async function bars(id, found, words, clicked) {
    const most = expanded.has(id) ? found.length : BARS;
    const more = document.querySelector(`#${id} .bars`);
    more.hidden = found.length <= BARS;
    more.textContent = expanded.has(id) ? `Show ${BARS} bars` : `Show all ${whole(found.length)} bars`;
    const rows = found.slice(0, most);
    await show(id, rows, `Bars. ${words}${rows.length ? `; first: ${rows[0].name}, ${rows[0].label}` : "; none"}.`, clicked,
      { height: 24 * rows.length });
  }

  async function rankings(kept) {
    const { range } = chosen, prior = isCompared(range);
    const named = { agents: "agent", sources: "source", types: "type", playbooks: "playbook" };
    const counts = (axis, span) => group(kept, span, `${axis}_number`);
    const byTeam = span => {
      const agents = counts("agent", span);
      return new Map([...teams].map(([place, members]) => [place, members.reduce((sums, { agent_number }) => {
        for (const [count, value] of Object.entries(agents.get(agent_number) ?? {})) sums[count] += value;
        return sums;
      }, nothing())]).filter(([place]) => chosen.team === undefined || place === chosen.team));
    };
    const all = sum(kept, range).bookings;
    for (const [id, axis] of [...Object.entries(named), ["teams", "team"]]) {
      const now = axis === "team" ? byTeam(range) : counts(axis, range);
      const then = !prior ? null : axis === "team" ? byTeam(before(range)) : counts(axis, before(range));
      const found = [...now].map(([place, sums]) => ({ place, name: names[axis][place].display_name, sums, older: then?.get(place)?.bookings ?? 0 }))
        .filter(({ sums, older }) => sums.bookings || sums.due_meetings || older)
        .sort((a, b) => b.sums.bookings - a.sums.bookings || inOrder(a.name, b.name));
      table(id, `${rangeWords(range)}; bookings by their day, due meetings by the day of their start`,
        [[axis, "text"], ["bookings", "count"], ["share", "rate"],
          ...(prior ? [["days before", "count"], ["difference", "difference"]] : []),
          ["due", "count"], ["due, canceled", "count"], ["cancel rate", "rate"], ["rescheduled", "count"]],
        found.map(({ name, sums, older }) => [name, sums.bookings, ratio(sums.bookings, all),
          ...(prior ? [older, sums.bookings - older] : []),
          sums.due_meetings, sums.due_canceled_meetings, rate(sums), sums.rescheduled_meetings]));
      await bars(id, found.map(({ place, name, sums }) => ({ place, name, count: sums.bookings, label: `${whole(sums.bookings)} · ${percent(rate(sums))}` })),
        `Bookings by ${axis}, with cancel rates`, row => toggle(axis, row.place));
    }

    const late = [...counts("agent", range)].map(([place, sums]) => ({ place, name: names.agent[place].display_name, sums }))
      .filter(({ sums }) => sums.due_late_canceled_meetings)
      .sort((a, b) => b.sums.due_late_canceled_meetings - a.sums.due_late_canceled_meetings || inOrder(a.name, b.name));
    table("late", `${rangeWords(range)}, by the day of the start`,
      [["agent", "text"], ["canceled late", "count"], ["due", "count"], ["late cancel rate", "rate"], ["due, canceled", "count"]],
      late.map(({ name, sums }) => [name, sums.due_late_canceled_meetings, sums.due_meetings,
        ratio(sums.due_late_canceled_meetings, sums.due_meetings), sums.due_canceled_meetings]));
    await bars("late", late.map(({ place, name, sums }) => ({ place, name, count: sums.due_late_canceled_meetings,
      label: `${whole(sums.due_late_canceled_meetings)} · ${percent(ratio(sums.due_late_canceled_meetings, sums.due_meetings))}` })),
    "Meetings canceled late by agent", row => toggle("agent", row.place));

    const gone = [...counts("source", range)].map(([place, sums]) => ({ place, name: names.source[place].display_name, sums }))
      .filter(({ sums }) => lost(sums)).sort((a, b) => lost(b.sums) - lost(a.sums) || inOrder(a.name, b.name));
    const decided = sums => lost(sums) - sums.rebooked_meetings - sums.undecided_meetings;
    table("lost", `Of the bookings made ${rangeWords(range)}; may still: canceled or delisted within the last 14 days`,
      [["source", "text"], ["canceled or delisted", "count"], ["booked again", "count"], ["may still book again", "count"],
        ["not booked again", "count"], ["part booked again", "rate"]],
      gone.map(({ name, sums }) => [name, lost(sums), sums.rebooked_meetings, sums.undecided_meetings, decided(sums), ratio(sums.rebooked_meetings, lost(sums))]));
    await show("lost", gone.slice(0, BARS).flatMap(({ place, name, sums }) => [["booked again", sums.rebooked_meetings],
      ["may still book again", sums.undecided_meetings], ["not booked again", decided(sums)]]
      .map(([outcome, count], rank) => ({ source: place, name, outcome, count, place: rank }))),
    "Bars of canceled and delisted meetings by source, by whether the visitor booked again.",
    row => toggle("source", row.source), { height: 24 * Math.min(gone.length, BARS) });

    const leads = counts("bucket", range);
    const found = numbers.buckets.map(bucket => ({ name: bucket.lead_time_bucket === "UNKNOWN" ? "Not known" : bucket.lead_time_bucket,
      sums: leads.get(bucket.bucket_number) ?? nothing() }));
    table("lead", "Days from booking to meeting", [["days ahead", "text"], ["bookings", "count"], ["due", "count"], ["due, canceled", "count"], ["cancel rate", "rate"]],
      found.map(({ name, sums }) => [name, sums.bookings, sums.due_meetings, sums.due_canceled_meetings, rate(sums)]));
    await bars("lead", all ? found.map(({ name, sums }) => ({ name, count: sums.bookings, label: `${whole(sums.bookings)} · ${percent(rate(sums))}` })) : [],
      "Bookings by days from booking to meeting");
  }

  async function fairness() {
    const rows = numbers.fairness.filter(fitsByKey);
    table("fairness", "Bookings of the last 28 days, whatever days are chosen; shares of the team's", [["team", "text"], ["agent", "text"],
      ["bookings", "count"], ["share", "rate"], ["equal share", "rate"], ["points apart", "points"], ["taken over", "count"], ["given away", "count"]],
    rows.map(row => [row.team_name, row.agent_name, row.bookings_last_28_days, row.bookings_share, row.equal_share,
      row.deviation, row.reassigned_to, row.reassigned_away]));
    const placed = rows.filter(row => row.distance !== null);
    await show("fairness", placed.map(row => ({ team: row.team_name, agent: row.agent_name, distance: row.distance,
      bookings: row.bookings_last_28_days, key: row.agent_key })),
    "Points for agents in each team, left or right of an equal share; the numbers are in the table below.",
    row => { const place = names.agent.findIndex(name => name.group_key === row.key); if (place >= 0) toggle("agent", place); },
    { height: Math.max(34 * new Set(placed.map(row => row.team_key)).size, 60) });
  }

  const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
  async function hours(kept) {
    const booked = kept.filter(row => within(row.booked_days_ago, chosen.range));
    const days = split(booked, row => row.local_weekday), cells = [], lines = [];
    const total = rows => rows.reduce((sums, row) => sums + row.bookings, 0);
    WEEKDAYS.forEach((weekday, at) => {
      const by = split(days.get(at + 1) ?? [], row => row.local_hour);
      for (let hour = 0; hour < 24; hour++) {
        const bookings = total(by.get(hour) ?? []);
        cells.push({ weekday, hour, bookings });
        if (bookings) lines.push([{ value: at, text: weekday }, `${String(hour).padStart(2, "0")}:00`, bookings]);
      }
    });
    if (days.has(null)) lines.push([{ value: 7, text: "not known" }, "", total(days.get(null))]);
    table("hours", `Bookings made ${rangeWords(chosen.range)}, by the start on the visitor's clock`,
      [["weekday", "text"], ["hour", "text"], ["bookings", "count"]], lines);
    const most = lines.length ? lines.reduce((a, b) => b[2] > a[2] ? b : a) : null;
    await show("hours", lines.length ? cells : [], "A map of weekdays and hours, darker where more meetings start"
      + (most ? `; most: ${most[0].text} ${most[1]}.` : "; none."));
  }

  const called = (axis, wanted) => names[axis].find(name => name.group_key === wanted)?.display_name ?? wanted;
  function upcoming(kept) {
    const all = sum(kept, { from: Infinity, to: -Infinity }).upcoming, rows = numbers.upcoming.filter(fitsByKey);
    table("upcoming", `${rows.length < all ? `${whole(rows.length)} of ${whole(all)}` : whole(all)}, the next ones first; times in ${health.time_zone ?? "UTC"}`,
      [["start", "text"], ["agent", "text"], ["double-booked", "text"], ["source", "text"], ["type", "text"], ["booked", "text"], ["meeting", "text"]],
      rows.map(row => [row.slot_start_at ?? "not known", row.agent_name, { value: row.is_double_booked ? "yes" : "", marked: row.is_double_booked },
        called("source", row.meeting_source), called("type", row.meeting_type), row.booked_at, row.meeting_id]));
  }
  function changes() {
    const counts = document.getElementById("changes-counts");
    counts.textContent = !health.has_previous_sync ? "There is no run before this one: all is new."
      : `${numbers.change_counts.map(({ event_type, events }) => `${whole(events)} ${event_type}`).join(", ") || "Nothing"}, unfiltered.`;
    const rows = numbers.changes.filter(fitsByKey);
    table("changes", `The newest first${numbers.changes.length < numbers.change_counts.reduce((total, row) => total + row.events, 0)
      ? `, of the newest ${whole(numbers.changes.length)}` : ""}; times in ${health.time_zone ?? "UTC"}`,
    [["when", "text"], ["what", "text"], ["meeting", "text"], ["agent", "text"], ["before", "text"], ["after", "text"]],
    rows.map(row => [row.occurred_at, row.event_type, row.meeting_id, row.agent_name, row.from_value ?? "", row.to_value ?? ""]));
  }

  let newest = 0;
  async function refresh() {
    const mine = ++newest;
    delete document.body.dataset.shown;
    choose();
    const { range } = chosen, filters = Object.keys(AXES).filter(axis => chosen[axis] !== undefined)
      .map(axis => names[axis][chosen[axis]].display_name);
    const isPart = health.complete_days_ago !== null && !isKnown(Number.isFinite(range.from) ? range : { from: oldest, to: 0 });
    document.getElementById("shown").textContent = `Shown: ${[rangeWords(range), ...filters].join(", ")}.`
      + (isPart ? " Not every booking of these days is known." : "")
      + (chosen.unknown.length ? ` Not in this report, and so not filtered by: ${chosen.unknown.join(", ")}.` : "");
    const kept = numbers.facts.filter(fits);
    headline(kept);
    short(kept);
    ahead();
    upcoming(kept);
    changes();
    for (const part of [weekly, rankings, fairness, hours]) {
      await part(kept);
      if (mine !== newest) return; // somebody chose again meanwhile
    }
    document.body.dataset.shown = filters.join(", ") || "all";
  }

  // ── Once ────────────────────────────────────────────────────────────────────────────────────
  document.getElementById("as-of").textContent = [
    health.as_of_at ? `As of ${health.as_of_at} (${health.time_zone}).` : "No run has read anything yet.",
    health.meetings ? `${whole(health.meetings)} meetings.` : health.as_of_at ? "0 meetings." : "",
    health.complete_from_on ? `Every booking is known since ${health.complete_from_on}${numbers.gaps.length ? ", but for the holes below" : ""}; of earlier ones, those that Drift still showed then.` : "",
    health.leaves_out ? `Bookings from before ${health.first_on} are not on this page.` : "",
    health.meetings ? `Visitors are known of ${percent(health.visitor_known_share, 0)} of the meetings, agents by name of ${percent(health.agent_known_share, 0)}.` : "",
  ].filter(Boolean).join(" ");
  const said = [
    ...numbers.gaps.map(gap => `A gap: meetings that took place from ${gap.gap_from} to ${gap.gap_to} were never seen whole.`),
    ...numbers.warnings.map(([words, found]) => `${words} (${whole(found)})`),
    ...(health.rejected ? [`${whole(health.rejected)} records of Drift's could not be read as meetings.`] : []),
  ];
  document.getElementById("health").append(...said.map(words => element("li", words, { class: "alarm" })),
    ...(said.length ? [] : [element("li", "No gaps, no warnings, no rejected records.")]));

  for (const axis of Object.keys(AXES)) { // in the order of the alphabet
    const options = names[axis].map((name, place) => new Option(name.display_name, place));
    form.elements[axis].append(new Option("all", ""), ...options.sort((a, b) => inOrder(a.textContent, b.textContent)));
  }
  for (const section of document.querySelectorAll("main section[id]:not(#short)")) {
    const { id } = section, title = section.querySelector("h2").firstChild.textContent.trim();
    const held = id in charts ? element("details") : section;
    if (id in charts) {
      const more = element("button", "", { type: "button", class: "bars", hidden: "" }), tools = element("div", undefined, { class: "tools" });
      more.addEventListener("click", () => { expanded.has(id) ? expanded.delete(id) : expanded.add(id); refresh(); });
      tools.append(more);
      held.append(element("summary", "The same as a table"));
      section.append(element("div", undefined, { class: "chart", role: "img" }), tools, held);
    }
    if (id === "changes") held.append(element("p", "", { id: "changes-counts" }));
    const rows = element("button", "", { type: "button", class: "rows" });
    const csv = element("button", "Download as CSV", { type: "button", class: "csv", "aria-label": `Download as CSV: ${title}` });
    rows.addEventListener("click", () => { tables[id].all = !tables[id].all; drawTable(id); });
    csv.addEventListener("click", () => download(id));
    const tools = element("div", undefined, { class: "tools" });
    tools.append(rows, csv);
    held.append(element("p", "", { class: "about" }), element("div", undefined, { class: "scroll", tabindex: 0, role: "group", "aria-label": `Table: ${title}` }), tools);
  }
  form.addEventListener("change", ({ target: { name, value } }) => {
    if (name in AXES) return address({ [name]: value === "" ? null : names[name][value].group_key });
    if (name === "period" && value !== "custom") return address({ period: value, from: null, to: null });
    return address({ period: null, from: form.elements.from.value || dayOf(oldest), to: form.elements.to.value || today });
  });
  form.addEventListener("submit", event => event.preventDefault());
  document.getElementById("reset").addEventListener("click", () => { history.pushState(null, "", "#"); refresh(); });
  addEventListener("hashchange", refresh);
  addEventListener("popstate", refresh);
  await refresh();
})();
