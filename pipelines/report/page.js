"use strict";
// Adds up the counts that the filter leaves, and shows them. Text gets into the page as text alone.
(async () => {
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const asObjects = ({ columns, rows }) =>
    rows.map(row => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
  const numbers = Object.fromEntries(Object.entries(read("numbers"))
    .map(([name, held]) => [name, held?.rows ? asObjects(held) : held]));
  const charts = read("charts-of");
  function split(rows, by) { // what `by` gives → the rows for which it does
    const parts = new Map();
    for (const row of rows) {
      const part = by(row);
      parts.has(part) ? parts.get(part).push(row) : parts.set(part, [row]);
    }
    return parts;
  }
  const { health } = numbers;
  const outcomes = asObjects(numbers.facts.outcomes);
  const facts = numbers.facts.values[0].map((_, at) =>
    Object.fromEntries(numbers.facts.columns.map((column, place) => [column, numbers.facts.values[place][at]])));

  // ── What can be chosen ──────────────────────────────────────────────────────────────────────
  const KEYS = numbers.facts.columns.filter(column => column.endsWith("_key")).map(column => column.slice(0, -4)); // a fact has one of each
  const AXES = ["team", ...KEYS]; // teams are agents
  const LABELS = { meeting_type: "type", lead_time: "days ahead" };
  const label = axis => LABELS[axis] ?? axis.replaceAll("_", " ");
  const names = Object.fromEntries(AXES.map(axis => [axis, numbers.names[axis].map(([key, name]) => ({ key, name }))]));
  const placeOf = (axis, key) => names[axis].findIndex(name => name.key === key);
  const teams = split(numbers.team_agents, row => placeOf("team", row.team_key));
  const members = new Map([...teams].map(([place, rows]) => [place, new Set(rows.map(row => placeOf("agent", row.agent_key)))]));
  const form = document.getElementById("filter");
  const DEFAULT_DAYS = "28";
  const BARS = 12, ROWS = 20, FEW = 5; // shown until more are asked for
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
    for (const axis of AXES) {
      const place = placeOf(axis, asked.get(axis));
      if (place >= 0) chosen[axis] = place;
      else if (asked.has(axis)) unknown.push(`${label(axis)} ${asked.get(axis)}`);
    }
    const days = Number(chosen.period);
    const [from, to] = ["from", "to"].map(end => Date.parse(asked.get(end)) ? agoOf(asked.get(end)) : null);
    if (chosen.period === "custom" && from !== null) chosen.range = { from, to: Math.min(to ?? 0, from) };
    else if (chosen.period === "all") chosen.range = { from: Infinity, to: -Infinity };
    else chosen.range = { from: days > 0 ? days : Number(DEFAULT_DAYS), to: 1 }; // today is not over
    if (chosen.period !== "all" && !(days > 0)) chosen.period = from === null ? DEFAULT_DAYS : "custom";
    chosen.unknown = unknown;
    form.elements.period.value = chosen.period;
    if (!form.elements.period.value) form.elements.period.value = "custom"; // of days that no choice names
    const ends = chosen.period === "all" ? { from: oldest, to: 0 } : chosen.range;
    for (const end of ["from", "to"]) form.elements[end].value = dayOf(ends[end]);
    for (const axis of AXES) form.elements[axis].value = chosen[axis] ?? "";
    document.getElementById("reset").hidden = location.hash.length < 2;
  }

  function address(changes) { // keeps the choice, so that a view can be sent
    const kept = new URLSearchParams(location.hash.slice(1));
    for (const [name, value] of Object.entries(changes)) value === null ? kept.delete(name) : kept.set(name, value);
    history.pushState(null, "", `#${kept}`);
    return refresh();
  }
  const toggle = (axis, place) =>
    address({ [axis]: chosen[axis] === place ? null : names[axis][place].key });
  const showWeek = days_ago => address({ period: null, from: dayOf(days_ago), to: dayOf(Math.max(days_ago - 6, 0)) });

  const fits = row => KEYS.every(axis => chosen[axis] === undefined || row[`${axis}_key`] === chosen[axis])
    && (chosen.team === undefined || members.get(chosen.team)?.has(row.agent_key));
  const key = axis => chosen[axis] === undefined ? null : names[axis][chosen[axis]].key;
  function fitsByKey(row) { // of rows that have keys in place of numbers
    return KEYS.every(axis => key(axis) === null || !(`${axis}_key` in row) || row[`${axis}_key`] === key(axis))
      && (chosen.team === undefined || ("team_key" in row ? row.team_key === key("team")
        : (teams.get(chosen.team) ?? []).some(one => one.agent_key === row.agent_key)));
  }
  function unfiltered() { // said of rows that have an agent alone
    const others = KEYS.filter(axis => axis !== "agent" && chosen[axis] !== undefined).map(label);
    return others.length ? `; of every ${others.join(" and ")}: these rows are filtered by agent and team alone` : "";
  }

  // ── Adding up ───────────────────────────────────────────────────────────────────────────────
  const COUNTS = numbers.facts.outcomes.columns.slice(1);
  const dayBasis = count => /^(due|observed)_/.test(count) ? "starts_days_ago" : count.startsWith("settled_") ? "settled_days_ago" : "booked_days_ago";
  const BASES = [...split(COUNTS, dayBasis)];
  const SHOWN = ["due_meetings", "due_canceled_meetings", "due_late_canceled_meetings", "observed_due_meetings", "observed_rescheduled_meetings",
    "settled_losses", "settled_rebooked_meetings", "self_booked_meetings"];
  const OWN = COUNTS.filter(count => !SHOWN.includes(count)); // what somebody has added
  const ofAll = { starts_days_ago: ["due_meetings", "due meeting"], settled_days_ago: ["settled_losses", "settled loss", "settled losses"], booked_days_ago: ["bookings", "booking"] };
  const nothing = () => Object.fromEntries(["bookings", ...COUNTS, ...numbers.states].map(count => [count, 0]));
  const within = (ago, range) => ago !== null && ago <= range.from && ago >= range.to;

  function add(sums, row, range) { // a booking counts on its day, a due meeting on that of its start
    const outcome = outcomes[row.outcome];
    if (within(row.booked_days_ago, range)) {
      sums.bookings += row.meetings;
      sums[outcome.meeting_state] += row.meetings;
    }
    for (const [basis, counts] of BASES)
      if (within(row[basis], range)) for (const count of counts) sums[count] += outcome[count] * row.meetings;
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
  const ALL = { from: Infinity, to: -Infinity };

  const isKnown = range => health.complete_days_ago !== null && range.from <= health.complete_days_ago
    && (!health.leaves_out || range.from <= oldest)
    && !(numbers.gaps ?? []).some(gap => gap.from_days_ago >= range.to && gap.to_days_ago <= range.from);
  const length = range => range.from - range.to + 1;
  const before = range => ({ from: range.from + length(range), to: range.from + 1 });

  // The days chosen, or the newest whole weeks of them, that can be compared with as many before. What is decided
  // `lag` days later has to be known from as many days earlier on.
  function comparison(range, lag = 0) {
    const to = Math.max(range.to, 1), chosenDays = range.from - to + 1;
    for (const days of [chosenDays, 28, 21, 14, 7].filter(days => Number.isFinite(days) && days > 0 && days <= chosenDays)) {
      const newer = { from: to + days - 1, to }, older = before(newer);
      if (isKnown({ from: older.from + lag, to })) return { newer, older, days, words: `${counted(days, "day")} to ${to === 1 ? "yesterday" : dayOf(to)} against the ${days} before` };
    }
    return null;
  }
  // A difference that chance alone seldom makes: of counts, and of parts. 1.96: in 1 of 20 cases; 2.58: in 1 of 100.
  const isClear = (newer, older) => Math.abs(newer - older) > 1.96 * Math.sqrt(newer + older);
  function chanceOf([part, all], [other, others], times = 1.96) {
    const mean = (part + other) / (all + others);
    return times * Math.sqrt(mean * (1 - mean) * (1 / all + 1 / others));
  }
  const chanceWords = clear => clear ? "more than chance" : "can be chance";

  // ── Writing ─────────────────────────────────────────────────────────────────────────────────
  const whole = new Intl.NumberFormat("en").format;
  const counted = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;
  const sign = (value, text) => value > 0 ? `+${text}` : value < 0 ? `\u2212${text}` : text;
  const isEmpty = value => value === null || value === undefined || value === "";
  const percent = (value, digits = 1) => value === null ? "\u2013" : `${(100 * value).toFixed(digits)}\u00a0%`;
  const FORMATS = {
    text: value => value ?? "", count: value => isEmpty(value) ? "" : whole(value), rate: percent,
    change: value => value === null ? "\u2013" : sign(Math.round(100 * value), percent(Math.abs(value), 0)),
    points: value => value === null ? "\u2013" : sign(value, `${Math.abs(100 * value).toFixed(1)}`),
    tenths: value => isEmpty(value) ? "\u2013" : value.toFixed(1),
  };
  function element(name, text, attributes = {}) {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    return made;
  }
  const rangeWords = range => Number.isFinite(range.from) ? `${dayOf(range.from)} to ${dayOf(range.to)}` : "all days on this page";
  const some = (all, most) => all.slice(0, most).join(", ") + (all.length > most ? ` and ${whole(all.length - most)} more` : "");

  const tables = {};
  // Columns: [name, kind]; cells are values, or { value, text, marked }. A marked row is never cut off.
  function table(id, caption, columns, rows, most = ROWS) {
    tables[id] = { sort: null, all: false, ...tables[id], caption, columns, rows, most };
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
        if (isEmpty(x) || isEmpty(y)) return isEmpty(x) - isEmpty(y); // what is empty stands last
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
    const cut = rows.filter((row, at) => at < held.most || row.some(cell => cell?.marked));
    for (const row of held.all ? rows : cut) {
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
    section.querySelector(".scroll").replaceChildren(...(rows.length ? [made] : [element("p", "None.")]));
    const more = section.querySelector(".rows");
    more.hidden = rows.length <= cut.length;
    more.textContent = held.all ? `Show ${counted(cut.length, "row")}` : `Show all ${whole(rows.length)} rows`;
    section.querySelector(".csv").hidden = !rows.length;
  }
  function download(id) { // what the table holds: as it shows it, but numbers without their signs and rounding
    const { columns, rows } = tables[id];
    const safe = text => /^[=+@\t\r-]/.test(text) ? `'${text}` : text; // no formula of a spreadsheet's
    const field = value => isEmpty(value) ? "" : typeof value === "string" ? `"${safe(value).replaceAll('"', '""')}"` : String(value);
    const exported = cell => cell?.csv ?? cell?.text ?? valueOf(cell);
    const lines = [columns.map(([name]) => name), ...rows.map(row => row.map(exported))].map(line => line.map(field).join(","));
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
    views[id] = (await vegaEmbed(inner, { ...(charts[id] ?? charts.ranking), ...more, datasets: { rows } },
      { actions: false, renderer: "svg", ast: true })).view;
    if (clicked) views[id].addEventListener("click", (_, item) => item?.datum && clicked(item.datum));
  }

  // ── Today and tomorrow ──────────────────────────────────────────────────────────────────────
  const soon = row => row.days_ahead === 0 || row.days_ahead === 1;
  const onDays = (rows, what) => `${whole(rows.filter(row => row.days_ahead === 0).length)} today, ${whole(rows.filter(row => row.days_ahead === 1).length)} tomorrow${what}`;
  const ofList = id => numbers.counted[id] > numbers[id].length ? ` (of the first ${whole(numbers[id].length)} of ${whole(numbers.counted[id])})` : "";
  const zone = health.time_zone ?? "UTC";
  const called = (axis, wanted) => names[axis]?.find(name => name.key === wanted)?.name ?? wanted;
  const clock = time => (time ?? "not known").slice(11) || "not known";
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const day = time => `${Number(time.slice(8, 10))} ${MONTHS[time.slice(5, 7) - 1]}`;
  const timeOn = (time, day) => !time || time.slice(0, 10) === day.slice(0, 10) ? clock(time) : time; // with its day, if that is another

  function todays() {
    const open = numbers.unassigned.filter(fitsByKey), pairs = numbers.conflicts.filter(fitsByKey), late = numbers.late.filter(fitsByKey);
    table("unassigned", `${counted(open.length, "meeting")}: ${onDays(open, "")}${ofList("unassigned")}; times in ${zone}`,
      [["start", "text"], ["meeting", "text"], ["source", "text"], ["type", "text"], ["booked", "text"]],
      open.map(row => [{ value: row.slot_start_at, text: row.slot_start_at ? `${day(row.slot_start_at)}, ${clock(row.slot_start_at)}` : "not known", csv: row.slot_start_at, marked: soon(row) }, row.meeting_id,
        called("source", row.source_key), called("meeting_type", row.meeting_type_key), { value: row.booked_at, text: day(row.booked_at), csv: row.booked_at }]), FEW);
    table("conflicts", `${counted(pairs.length, "pair")}: ${onDays(pairs, "")}${ofList("conflicts")}; times in ${zone}`,
      [["day", "text"], ["agent", "text"], ["minutes", "count"], ["one meeting", "text"], ["the other", "text"]],
      pairs.map(row => [{ value: row.slot_start_at, text: day(row.slot_start_at), csv: row.slot_start_at.slice(0, 10), marked: soon(row) }, row.agent_name, Math.round(row.overlap_minutes),
        ...[[row.slot_start_at, row.slot_end_at, row.meeting_id], [row.other_start_at, row.other_end_at, row.other_meeting_id]]
          .map(([start, end, id]) => `${timeOn(start, row.slot_start_at)}\u2013${timeOn(end, row.slot_start_at)} ${id}`)]), FEW);
    const above = row => Math.max(row.today_meetings, row.tomorrow_meetings) - (row.usual_meetings ?? 0);
    const busy = numbers.busy.filter(fitsByKey).sort((a, b) => above(b) - above(a) || inOrder(a.agent_name, b.agent_name));
    table("busy", `Those furthest above their usual day first${unfiltered()}`,
      [["agent", "text"], ["today", "count"], ["tomorrow", "count"], ["usual", "tenths"], ["hours today", "tenths"], ["hours tomorrow", "tenths"]],
      busy.map(row => [row.agent_name, row.today_meetings, row.tomorrow_meetings, row.usual_meetings, row.today_hours, row.tomorrow_hours]), FEW);
    table("late", `${counted(late.length, "meeting")}${ofList("late")}; times in ${zone}`,
      [["canceled", "text"], ["start", "text"], ["hours before", "tenths"], ["agent", "text"], ["meeting", "text"]],
      late.map(row => [row.canceled_at, row.slot_start_at, row.cancel_notice_hours, row.agent_name, row.meeting_id]), FEW);
    const first = rows => rows.find(soon);
    const most = busy[0], when = most && most.today_meetings >= most.tomorrow_meetings ? "today" : "tomorrow";
    const [one, pair] = [first(open), first(pairs)];
    return [
      `Without an agent: ${onDays(open, "")}${one ? `; the first at ${clock(one.slot_start_at)} (${one.meeting_id})` : ""}.`,
      `Conflicts: ${onDays(pairs, "")}${pair ? `; the first: ${pair.agent_name} at ${clock(pair.slot_start_at)}, ${counted(Math.round(pair.overlap_minutes), "minute")}` : ""}.`,
      !most ? "Nobody has a meeting." : `Busiest: ${most.agent_name}, ${whole(most[`${when}_meetings`])} ${when}${most.usual_meetings === null ? "" : `, usually ${most.usual_meetings.toFixed(1)}`}.`,
      `Canceled late since yesterday: ${whole(late.length)}.`,
    ];
  }

  // ── Is it getting better? ───────────────────────────────────────────────────────────────────
  const since = () => health.observed_from_at ? `history since ${health.observed_from_at.slice(0, 10)}` : "no history yet";
  function countChange(newer, older) {
    if (!older) return newer ? "none before" : "none in either";
    return `${FORMATS.change(newer / older - 1)}, ${chanceWords(isClear(newer, older))}`;
  }
  function rateChange(newer, older, part, all) {
    if (!newer[all] || !older[all]) return null;
    const difference = newer[part] / newer[all] - older[part] / older[all];
    const chance = chanceOf([newer[part], newer[all]], [older[part], older[all]]);
    return { difference, chance, clear: Math.abs(difference) > chance,
      words: `${FORMATS.points(difference)} points, ${chanceWords(Math.abs(difference) > chance)}` };
  }

  function better(kept, compared) {
    if (!compared) return ["Nothing can be compared yet: no week, and as many days before it, are known whole."];
    const [newer, older] = [compared.newer, compared.older].map(range => sum(kept, range));
    const said = [["Cancel rate", "due_canceled_meetings"], ["Canceled late", "due_late_canceled_meetings"]].map(([name, part]) => {
      const change = rateChange(newer, older, part, "due_meetings");
      const way = change?.clear ? (change.difference < 0 ? "better" : "worse") : "no clear change";
      return !change ? `${name}: no meeting was due in one of the spans.`
        : `${name}: ${way}. ${percent(newer[part] / newer.due_meetings)}, before ${percent(older[part] / older.due_meetings)}; up to ${(100 * change.chance).toFixed(1)} points can be chance.`;
    });
    said.push(`Bookings: ${whole(newer.bookings)}, before ${whole(older.bookings)} (${countChange(newer.bookings, older.bookings)}).`);
    const grown = growth(kept, compared).filter(each => isClear(each.newer, each.older));
    said.push(grown.length ? `Sources: ${some(grown.map(each => `${each.name} ${each.older ? FORMATS.change(each.newer / each.older - 1) : "new"}`), 4)}; more than chance.`
      : "Sources: none grew or shrank by more than chance.");
    return said;
  }
  function growth(kept, { newer, older }) { // of sources, the most grown first
    const [now, then] = [newer, older].map(range => group(kept, range, "source_key"));
    return names.source.map(({ name }, place) => ({ name, newer: now.get(place)?.bookings ?? 0, older: then.get(place)?.bookings ?? 0 }))
      .filter(each => each.newer || each.older).sort((a, b) => (b.newer - b.older) - (a.newer - a.older) || inOrder(a.name, b.name));
  }

  // ── Who needs help? ─────────────────────────────────────────────────────────────────────────
  function help(kept) {
    const agents = group(kept, chosen.range, "agent_key"), all = sum(kept, chosen.range);
    const standing = [...agents].map(([place, { due_canceled_meetings: part, due_meetings: due }]) => {
      const [others, rest] = [all.due_canceled_meetings - part, all.due_meetings - due];
      const above = due && rest ? part / due - others / rest : 0;
      return { name: names.agent[place].name, key: names.agent[place].key, rate: ratio(part, due), due, others: ratio(others, rest), clear: above > chanceOf([part, due], [others, rest], 2.58), above };
    }).filter(each => each.clear && each.due >= 10 && each.key !== "UNKNOWN").sort((a, b) => b.above - a.above);
    const pairs = split(numbers.conflicts.filter(row => fitsByKey(row) && row.days_ahead <= 7), row => row.agent_name);
    const apart = numbers.fairness.filter(fitsByKey).filter(row => row.bookings_share
      && Math.abs(row.deviation) > 2.58 * Math.sqrt(row.equal_share * (1 - row.equal_share) * row.bookings_share / row.bookings_last_28_days))
      .sort((a, b) => Math.abs(b.distance) - Math.abs(a.distance));
    return [
      standing.length ? `Canceled more than chance explains: ${some(standing.map(each => `${each.name} (${percent(each.rate)} of ${whole(each.due)} due, ${percent(each.others)} of the others')`), 2)}.`
        : "Cancel rates: no agent's stands out by more than chance.",
      pairs.size ? `Conflicts in the next 7 days: ${some([...pairs].sort(([, a], [, b]) => b.length - a.length).map(([name, rows]) => `${name} (${rows.length})`), 3)}.`
        : "Nobody has a conflict in the next 7 days.",
      apart.length ? `Far from an equal share of their team: ${some(apart.map(row => `${row.agent_name} (${FORMATS.change(row.distance)})`), 3)}.`
        : "Bookings are spread evenly inside each team, but for chance.",
    ];
  }

  function short(kept, compared) {
    const span = compared ? compared.words : "";
    const lists = document.querySelectorAll("#short ul");
    [todays(), better(kept, compared), help(kept)].forEach((said, at) => lists[at].replaceChildren(...said.map(words => element("li", words))));
    const heading = document.querySelectorAll("#short h2")[1];
    heading.querySelector("small")?.remove();
    if (span) heading.append(element("small", span));
  }

  function headline(kept, compared) {
    const now = sum(kept, chosen.range), all = sum(kept, ALL);
    const [newer, older] = compared ? [compared.newer, compared.older].map(range => sum(kept, range)) : [null, null];
    const none = "no days before are known whole";
    const change = (words, span) => `${words} (${span.words})`;
    const part = (count, of, span = compared) => {
      if (!span) return none;
      const [now, then] = span === compared ? [newer, older] : [span.newer, span.older].map(range => sum(kept, range));
      return change(rateChange(now, then, count, of)?.words ?? "none to compare with", span);
    };
    const decided = comparison(Number.isFinite(chosen.range.from) ? chosen.range : { from: 28, to: 1 }, 14);
    const fromSight = compared && health.observed_days_ago >= compared.older.from + 28;
    const week = { from: agoOf(nextWeek(0)), to: agoOf(nextWeek(6)) };
    const ahead = coming(), doubled = ahead.filter(agent => agent.overlapping);
    const total = (rows, column) => rows.reduce((sums, row) => sums + row[column], 0);
    const startToday = { from: 0, to: 0 };
    const cells = [
      ["Cancel rate", percent(rate(now)), `${whole(now.due_canceled_meetings)} of ${counted(now.due_meetings, "due meeting")}`,
        part("due_canceled_meetings", "due_meetings")],
      ["Bookings", whole(now.bookings), `made in these days; ${whole(sum(kept, startToday).bookings)} today so far`,
        compared ? change(countChange(newer.bookings, older.bookings), compared) : none],
      ["Canceled late", percent(ratio(now.due_late_canceled_meetings, now.due_meetings)), `${whole(now.due_late_canceled_meetings)} of ${counted(now.due_meetings, "due meeting")}`,
        part("due_late_canceled_meetings", "due_meetings")],
      ["Booked again after canceling", percent(ratio(now.settled_rebooked_meetings, now.settled_losses)),
        `${whole(now.settled_rebooked_meetings)} of ${whole(now.settled_losses)} canceled or delisted, 14 days later${health.complete_days_ago !== null && chosen.range.from + 14 > health.complete_days_ago ? `; history since ${health.complete_from_on}` : ""}`, part("settled_rebooked_meetings", "settled_losses", decided)],
      ["Rescheduled", percent(ratio(now.observed_rescheduled_meetings, now.observed_due_meetings)),
        `${whole(now.observed_rescheduled_meetings)} of ${counted(now.observed_due_meetings, "due meeting")} seen since booked`,
        fromSight ? part("observed_rescheduled_meetings", "observed_due_meetings") : since()],
      ["Booked by visitors themselves", percent(ratio(now.self_booked_meetings, now.bookings)), `${whole(now.self_booked_meetings)} of ${counted(now.bookings, "booking")}`,
        part("self_booked_meetings", "bookings")],
      ["Upcoming meetings", whole(all.upcoming), "whenever they were booked",
        `${whole(total(kept.filter(row => outcomes[row.outcome].meeting_state === "upcoming" && within(row.starts_days_ago, week)), "meetings"))} next week`],
      ["In conflict next week", whole(total(ahead, "overlapping")), "start while another one is on", `${counted(doubled.length, "agent")}${unfiltered()}`],
      ...OWN.map(count => {
        const [all, ...words] = ofAll[dayBasis(count)];
        return [sentence(count.replaceAll("_", " ")), whole(now[count]), `${percent(ratio(now[count], now[all]))} of ${counted(now[all], ...words)}`, part(count, all)];
      }),
    ];
    document.getElementById("headline").replaceChildren(...cells.map(([name, number, ...words]) => {
      const cell = element("div");
      cell.append(element("dt", name), element("dd", number, { class: "number" }), ...words.map(line => element("dd", line)));
      return cell;
    }));
  }
  const sentence = words => words[0].toUpperCase() + words.slice(1);

  // ── Next week ───────────────────────────────────────────────────────────────────────────────
  function coming() { // each agent's days: the rest of this week, and the next; who has trouble first
    const days = split(numbers.next_days.filter(fitsByKey), day => day.agent_key);
    const total = (rows, column) => rows.reduce((sums, row) => sums + row[column], 0);
    return [...days].map(([key, rows]) => {
      const next = rows.filter(day => day.week_day >= 7), rest = rows.filter(day => day.week_day < 7);
      return { name: rows[0].agent_name, isNobody: key === "UNKNOWN", next, rest: total(rest, "meetings"), restOverlapping: total(rest, "overlapping_meetings"),
        meetings: total(next, "meetings"), hours: total(next, "booked_hours"), overlapping: total(next, "overlapping_meetings") };
    }).sort((a, b) => b.isNobody - a.isNobody || b.overlapping - a.overlapping || b.meetings - a.meetings || inOrder(a.name, b.name));
  }
  const nextWeek = at => dayOf(agoOf(health.this_week_on ?? today) - 7 - at);
  const both = (value, overlapping) => overlapping ? { value, text: `${whole(value)} (${whole(overlapping)})`, marked: true } : value;

  function ahead() {
    const agents = coming();
    const days = [0, 1, 2, 3, 4, 5, 6].filter(at => at < 5 || agents.some(agent => agent.next.some(day => day.week_day === 7 + at)));
    const name = at => new Date(Date.parse(nextWeek(at))).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", timeZone: "UTC" });
    table("ahead", `${nextWeek(0)} to ${nextWeek(6)}, days in ${zone}${unfiltered()}`,
      [["agent", "text"], ["in conflict", "count"], ["meetings", "count"], ["hours", "tenths"],
        ...days.map(at => [name(at), "count"]), ["rest of this week", "count"]],
      agents.map(agent => [{ value: agent.name, marked: agent.isNobody }, { value: agent.overlapping, marked: agent.overlapping > 0 }, agent.meetings, agent.hours,
        ...days.map(at => {
          const day = agent.next.find(one => one.week_day === 7 + at);
          return both(day?.meetings ?? 0, day?.overlapping_meetings ?? 0);
        }), both(agent.rest, agent.restOverlapping)]));
  }

  // ── Weeks ───────────────────────────────────────────────────────────────────────────────────
  const inWeek = week => ({ from: week.days_ago, to: week.days_ago - 6 });
  const isChosen = week => Number.isFinite(chosen.range.from)
    && week.days_ago - 6 <= chosen.range.from && week.days_ago >= chosen.range.to;
  const drawn = week => ({ from: week.week_start_on, complete: week.is_complete ? "yes" : "no", days_ago: week.days_ago });

  async function weekly(kept, compared) {
    // Facts are added up by week once; the parts below only look them up.
    const booked = split(kept, row => Math.floor((row.booked_days_ago - weekEnd) / 7));
    const started = split(kept, row => row.starts_days_ago === null ? null : Math.floor((row.starts_days_ago - weekEnd) / 7));
    const of = (parts, week) => parts.get(Math.floor((week.days_ago - weekEnd) / 7)) ?? [];
    const counts = numbers.weeks.map(week => ({ ...drawn(week), band: Number(isChosen(week)),
      booked: sum(of(booked, week), inWeek(week)), due: sum(of(started, week), inWeek(week)), facts: of(booked, week), inWeek: inWeek(week) }));
    const used = counts.slice(0, 1 + counts.findLastIndex(week => week.booked.bookings || week.due.due_meetings));
    const charted = used.slice(0, WEEKS).reverse();
    const clicked = row => showWeek(row.days_ago);
    const part = ({ from, complete, days_ago }) => ({ from, complete, days_ago });

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

    const sources = names.source.map(({ name }, place) => ({ place, name })).filter(({ place }) => kept.some(row => row.source_key === place));
    const shown = sources.length > 7 ? sources.slice(0, 6) : sources; // as many as colours tell apart
    const perSource = new Map(used.map(week => [week.from, group(week.facts, week.inWeek, "source_key")]));
    const bookings = (week, place) => perSource.get(week.from).get(place)?.bookings ?? 0;
    const lines = charted.flatMap(week => {
      const rows = shown.map(({ place, name }) => ({ ...part(week), name, bookings: bookings(week, place) }));
      const others = sources.slice(shown.length).reduce((total, { place }) => total + bookings(week, place), 0);
      return shown.length < sources.length ? [...rows, { ...part(week), name: "Others", bookings: others }] : rows;
    });
    table("trend", "Bookings by the week in which they were made, from Monday",
      [["week from", "text"], ...sources.map(({ name }) => [name, "count"]), ["complete", "text"]],
      used.map(week => [week.from, ...sources.map(({ place }) => bookings(week, place)), week.complete]));
    await show("trend", lines, "Lines of bookings of each source by week; the numbers are in the table below.", clicked);

    const grown = compared ? growth(kept, compared) : [];
    table("growth", compared ? `Bookings: ${compared.words}` : "No days, and as many before them, are known whole",
      [["source", "text"], ["bookings", "count"], ["before", "count"], ["change", "change"], ["chance?", "text"]],
      grown.map(each => [each.name, each.newer, each.older, each.older ? each.newer / each.older - 1 : null, chanceWords(isClear(each.newer, each.older))]));
  }
  const weekEnd = numbers.weeks.length ? numbers.weeks[0].days_ago % 7 - 6 : 0; // days ago of a Sunday

  // ── Groups ──────────────────────────────────────────────────────────────────────────────────
  async function bars(id, found, words, clicked, title) {
    const most = expanded.has(id) ? found.length : BARS;
    const more = document.querySelector(`#${id} .bars`);
    more.hidden = found.length <= BARS;
    more.textContent = expanded.has(id) ? `Show ${BARS} bars` : `Show all ${whole(found.length)} bars`;
    const rows = found.slice(0, most).map(row => ({ ...row, title }));
    await show(id, rows, `Bars. ${words}${rows.length ? `; first: ${rows[0].name}, ${rows[0].label}` : "; none"}.`, clicked,
      { height: 24 * rows.length });
  }

  async function rankings(kept) {
    const { range } = chosen, older = before({ from: range.from, to: Math.max(range.to, 1) });
    const prior = comparison(range)?.days === length(range);
    const counts = (axis, span) => group(kept, span, `${axis}_key`);
    const byTeam = span => {
      const agents = counts("agent", span);
      return new Map([...members].map(([place, of]) => [place, [...of].reduce((sums, agent) => {
        for (const [count, value] of Object.entries(agents.get(agent) ?? {})) sums[count] += value;
        return sums;
      }, nothing())]).filter(([place]) => place >= 0 && (chosen.team === undefined || place === chosen.team)));
    };
    const all = sum(kept, range).bookings;
    for (const axis of AXES) {
      const now = axis === "team" ? byTeam(range) : counts(axis, range);
      const then = !prior ? null : axis === "team" ? byTeam(older) : counts(axis, older);
      const byName = (a, b) => inOrder(a.name, b.name);
      const found = [...now].map(([place, sums]) => ({ place, name: names[axis][place].name, sums, older: then?.get(place)?.bookings ?? 0 }))
        .filter(({ sums, older }) => sums.bookings || sums.due_meetings || older)
        .sort(axis === "lead_time" ? byName : (a, b) => b.sums.bookings - a.sums.bookings || byName(a, b));
      table(axis, `${rangeWords(range)}; bookings by their day, due meetings by the day of their start`,
        [[label(axis), "text"], ["bookings", "count"], ["share", "rate"],
          ...(prior ? [["days before", "count"], ["change", "change"]] : []),
          ["due", "count"], ["due, canceled", "count"], ["cancel rate", "rate"], ...OWN.map(count => [count.replaceAll("_", " "), "count"])],
        found.map(({ name, sums, older }) => [name, sums.bookings, ratio(sums.bookings, all),
          ...(prior ? [older, older ? sums.bookings / older - 1 : null] : []),
          sums.due_meetings, sums.due_canceled_meetings, rate(sums), ...OWN.map(count => sums[count])]));
      await bars(axis, found.map(({ place, name, sums }) => ({ place, name, count: sums.bookings, label: `${whole(sums.bookings)} · ${percent(rate(sums))}` })),
        `Bookings by ${label(axis)}, with cancel rates`, row => toggle(axis, row.place), "bookings");
    }

    const late = [...counts("agent", range)].map(([place, sums]) => ({ place, name: names.agent[place].name, sums }))
      .filter(({ sums }) => sums.due_late_canceled_meetings)
      .sort((a, b) => b.sums.due_late_canceled_meetings - a.sums.due_late_canceled_meetings || inOrder(a.name, b.name));
    table("late-agents", `${rangeWords(range)}, by the day of the start`,
      [["agent", "text"], ["canceled late", "count"], ["due", "count"], ["late cancel rate", "rate"], ["due, canceled", "count"]],
      late.map(({ name, sums }) => [name, sums.due_late_canceled_meetings, sums.due_meetings,
        ratio(sums.due_late_canceled_meetings, sums.due_meetings), sums.due_canceled_meetings]));
    await bars("late-agents", late.map(({ place, name, sums }) => ({ place, name, count: sums.due_late_canceled_meetings,
      label: `${whole(sums.due_late_canceled_meetings)} · ${percent(ratio(sums.due_late_canceled_meetings, sums.due_meetings))}` })),
    "Meetings canceled late by agent", row => toggle("agent", row.place), "meetings canceled late");

    const gone = [...counts("source", range)].map(([place, sums]) => ({ place, name: names.source[place].name, sums }))
      .filter(({ sums }) => sums.settled_losses).sort((a, b) => b.sums.settled_losses - a.sums.settled_losses || inOrder(a.name, b.name));
    const never = sums => sums.settled_losses - sums.settled_rebooked_meetings;
    table("lost", `Canceled or delisted meetings whose 14 days ended ${rangeWords(range)}`,
      [["source", "text"], ["canceled or delisted", "count"], ["booked again", "count"], ["not booked again", "count"], ["part booked again", "rate"]],
      gone.map(({ name, sums }) => [name, sums.settled_losses, sums.settled_rebooked_meetings, never(sums), ratio(sums.settled_rebooked_meetings, sums.settled_losses)]));
    await show("lost", gone.slice(0, BARS).flatMap(({ place, name, sums }) => [["booked again", sums.settled_rebooked_meetings], ["not booked again", never(sums)]]
      .map(([outcome, count], rank) => ({ source: place, name, outcome, count, place: rank }))),
    "Bars of canceled and delisted meetings by source, by whether the visitor booked again.",
    row => toggle("source", row.source), { height: 24 * Math.min(gone.length, BARS) });
  }

  async function fairness() {
    const rows = numbers.fairness.filter(fitsByKey);
    table("fairness", `Bookings of the 28 days to yesterday, whatever days are chosen; shares of the team's${unfiltered()}`, [["team", "text"], ["agent", "text"],
      ["bookings", "count"], ["share", "rate"], ["equal share", "rate"], ["points apart", "points"], ["taken over", "count"], ["given away", "count"]],
    rows.map(row => [row.team_name, row.agent_name, row.bookings_last_28_days, row.bookings_share, row.equal_share,
      row.deviation, row.reassigned_to, row.reassigned_away]));
    const placed = rows.filter(row => row.distance !== null);
    await show("fairness", placed.map(row => ({ team: row.team_name, agent: row.agent_name, distance: row.distance,
      bookings: row.bookings_last_28_days, key: row.agent_key })),
    "Points for agents in each team, left or right of an equal share; the numbers are in the table below.",
    row => { const place = placeOf("agent", row.key); if (place >= 0) toggle("agent", place); },
    { height: Math.max(34 * new Set(placed.map(row => row.team_key)).size, 60) });
  }

  const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
  async function hours(kept) {
    const booked = kept.filter(row => within(row.booked_days_ago, chosen.range));
    const days = split(booked, row => row.local_weekday), cells = [], lines = [];
    const total = rows => rows.reduce((sums, row) => sums + row.meetings, 0);
    WEEKDAYS.forEach((weekday, at) => {
      const by = split(days.get(at + 1) ?? [], row => row.local_hour);
      for (let hour = 0; hour < 24; hour++) {
        const bookings = total(by.get(hour) ?? []);
        cells.push({ weekday, hour, bookings });
        if (bookings) lines.push([{ value: at + 1, text: weekday, csv: at + 1 }, `${String(hour).padStart(2, "0")}:00`, bookings]);
      }
    });
    if (days.has(null)) lines.push([{ value: null, text: "not known", csv: "not known" }, "", total(days.get(null))]);
    table("hours", `Bookings made ${rangeWords(chosen.range)}, by the start on the visitor's clock`,
      [["weekday", "text"], ["hour", "text"], ["bookings", "count"]], lines);
    const most = lines.filter(([day]) => day.value).reduce((a, b) => a && a[2] >= b[2] ? a : b, null);
    await show("hours", lines.length ? cells : [], "A map of weekdays and hours, darker where more meetings start"
      + (most ? `; most: ${most[0].text} ${most[1]}.` : "; none."));
  }

  function changes() {
    const rows = numbers.changes.filter(fitsByKey), kinds = split(rows, row => row.event_type);
    const counts = [...kinds].map(([kind, { length }]) => [kind, length]).sort((a, b) => b[1] - a[1] || inOrder(a[0], b[0]));
    document.getElementById("changes-counts").textContent = !health.has_previous_sync ? "There is no run before this one: all is new."
      : `${counts.map(([kind, count]) => `${whole(count)} ${kind}`).join(", ") || "Nothing"}${ofList("changes")}.`;
    table("changes", `The newest first; times in ${zone}`,
      [["when", "text"], ["what", "text"], ["meeting", "text"], ["agent", "text"], ["before", "text"], ["after", "text"]],
      rows.map(row => [row.occurred_at, row.event_type, row.meeting_id, row.agent_name,
        ...(row.event_type === "rescheduled" || row.event_type === "reassigned" || row.event_type === "booked" ? [row.from_value, row.to_value] : [null, null])]), FEW);
  }

  let newest = 0;
  async function refresh() {
    const mine = ++newest;
    delete document.body.dataset.shown;
    choose();
    const { range } = chosen, filters = AXES.filter(axis => chosen[axis] !== undefined).map(axis => names[axis][chosen[axis]].name);
    const isPart = health.complete_days_ago !== null && !isKnown(Number.isFinite(range.from) ? range : { from: oldest, to: 0 });
    document.getElementById("shown").textContent = `Shown: ${[rangeWords(range), ...filters].join(", ")}.`
      + (isPart ? " Not every booking of these days is known." : "")
      + (chosen.unknown.length ? ` Not in this report, and so not filtered by: ${chosen.unknown.join(", ")}.` : "");
    const kept = facts.filter(fits), compared = comparison(Number.isFinite(range.from) ? range : { from: 28, to: 1 });
    short(kept, compared);
    headline(kept, compared);
    ahead();
    changes();
    for (const part of [weekly, rankings, fairness, hours]) {
      await part(kept, compared);
      if (mine !== newest) return; // somebody chose again meanwhile
    }
    document.body.dataset.shown = filters.join(", ") || "all";
  }

  // ── Once ────────────────────────────────────────────────────────────────────────────────────
  document.getElementById("as-of").textContent = [
    health.as_of_at ? `As of ${health.as_of_at} (${health.time_zone}).` : "No run has read anything yet.",
    health.meetings ? `${whole(health.meetings)} meetings.` : health.as_of_at ? "0 meetings." : "",
    health.complete_from_on ? `Every booking is known since ${health.complete_from_on}${numbers.gaps.length ? ", but for the holes below" : ""}.` : "",
    health.leaves_out ? `Bookings from before ${health.first_on} are not on this page.` : "",
    health.meetings && health.visitor_known_share < 0.995 ? `Visitors are known of ${percent(health.visitor_known_share, 0)} of the meetings.` : "",
  ].filter(Boolean).join(" ");
  document.getElementById("health").append(...[
    ...numbers.gaps.map(gap => `A gap: meetings that took place from ${gap.gap_from} to ${gap.gap_to} were never seen whole.`),
    ...numbers.warnings.map(([words, found]) => `${words} (${whole(found)})`),
    ...(health.rejected ? [`${counted(health.rejected, "record")} of Drift's could not be read as meetings.`] : []),
  ].map(words => element("li", words, { class: "alarm" })));

  for (const axis of AXES) {
    const select = element("select", undefined, { name: axis }), named = element("label", sentence(label(axis)));
    const options = names[axis].map(({ name }, place) => new Option(name, place)); // in the order of the alphabet
    select.append(new Option("all", ""), ...options.sort((a, b) => inOrder(a.textContent, b.textContent)));
    named.append(" ", select);
    form.append(named);
    const section = element("section", undefined, { id: axis }), title = element("h2", `By ${label(axis)} `);
    title.append(element("small", "bookings · cancel rate"));
    section.append(title);
    document.getElementById("lost").before(section);
  }
  document.getElementById("choose").open = innerWidth > 800;
  const charted = new Set([...AXES, ...Object.keys(charts), "late-agents"]);
  for (const section of document.querySelectorAll("main section[id]")) {
    const { id } = section, title = section.querySelector("h2").firstChild.textContent.trim();
    const held = charted.has(id) ? element("details") : section;
    if (charted.has(id)) {
      const more = element("button", "", { type: "button", class: "bars", hidden: "" }), tools = element("div", undefined, { class: "tools" });
      more.addEventListener("click", () => { expanded.has(id) ? expanded.delete(id) : expanded.add(id); refresh(); });
      tools.append(more);
      held.append(element("summary", "As a table"));
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
    if (AXES.includes(name)) return address({ [name]: value === "" ? null : names[name][value].key });
    if (name === "period" && value !== "custom") return address({ period: value, from: null, to: null });
    return address({ period: null, from: form.elements.from.value || dayOf(oldest), to: form.elements.to.value || today });
  });
  form.addEventListener("submit", event => event.preventDefault());
  document.getElementById("reset").addEventListener("click", () => { history.pushState(null, "", "#"); refresh(); });
  addEventListener("hashchange", refresh);
  addEventListener("popstate", refresh);
  await refresh();
})();
