// Label: a heap in piles to be named, and then by what the model suggests, a page or a picture at a time.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { get, post } from "../api.js";
import { useKeys } from "../keys.js";
import { Namer } from "../parts/namer.js";
import { Page } from "../parts/suggested-page.js";
import { Pile } from "../parts/pile.js";
import { decided, filtered, inLine, inPlaces, labelOf, left, letters, nextPage } from "../parts/queue.js";
import { accepts, Single } from "../parts/single.js";
import { attempt, hear, refresh, say, store, useStore } from "../store.js";
import { percent, t } from "../words.js";

const SHOWN = 60; // pictures of a pile that are seen, and so named, at once
const MODES = ["piles", "pages", "singles"];
let places = []; // labels in the order of their numbers, as long as the page lives

/** The heap as the server has it, asked for again when there is something new. */
function useHeap() {
  const epoch = useStore((all) => all.epoch);
  const [heap, set] = useState(null);
  useEffect(() => {
    let seen = -1;
    const ask = async () => {
      const found = await attempt(() => get("/api/heap"));
      if (!found || found.revision < seen) return; // of two answers the older may come last
      set(found);
      seen = found.revision;
    };
    ask();
    return hear("heap", (now) => (now.revision !== seen ? ask() : set((before) => before && { ...before, ...now })));
  }, [epoch]);
  return [heap, set];
}

/** What is suggested for a picture, in words. */
export function said({ label, second, score, how }) {
  if (how === "none") return t("label.none");
  if (!label) return t("label.unlabelled");
  return t(how === "unsure" ? "label.between" : "label.looks", { label, second, score: percent(score, 0) });
}

const isButton = (event) => event.target.closest && event.target.closest("button, a, summary");

export function Label() {
  useStore();
  const training = useStore((all) => all.training);
  const [heap, setHeap] = useHeap();
  const [mode, setMode] = useState("");
  const [front, setFront] = useState(null); // what is in front: {kind, ids, label?, number?, marks, at}
  const [naming, setNaming] = useState(null); // what was typed so far
  const [filter, setFilter] = useState("");
  const own = useRef({ sent: new Set(), past: [], skipped: new Set(), line: [], said: null, sending: Promise.resolve(), serial: 0 }).current;
  const search = useRef(null);
  const labels = (places = inPlaces(places, store.labels.map((one) => one.name)));

  const items = useMemo(() => {
    const found = new Map();
    for (const [id, first, second, score, how] of heap?.suggestions || []) {
      found.set(id, { id, label: heap.labels[first], second: heap.labels[second], score, how });
    }
    for (const id of own.sent) if (store.pictures.get(id)?.part !== "heap") own.sent.delete(id);
    for (const picture of store.pictures.values()) {
      if (picture.part === "heap") found.set(picture.id, { id: picture.id, score: 0, how: "", ...found.get(picture.id), name: picture.name, picture });
    }
    return found;
  }, [heap, store.pictures]);
  const isHere = (id) => items.get(id)?.picture && !own.sent.has(id);
  const model = (heap?.suggestions.length || 0) > 0;
  const hows = { sure: t("label.sure"), unsure: t("label.unsure"), none: t("label.none") };
  const queue = filtered([...items.values()].filter((one) => one.label && isHere(one.id)), filter, hows);
  if (queue.every((one) => own.skipped.has(one.id))) own.skipped.clear(); // what was left out comes last
  const fresh = queue.filter((one) => !own.skipped.has(one.id));
  const piles = !heap ? [] : [
    ...heap.piles.map(([number, ids, alike]) => ({ number, ids: ids.filter(isHere), alike })),
    { number: 0, ids: heap.apart.filter(isHere) },
  ].filter((one) => one.ids.length);

  useEffect(() => {
    if (!mode && heap && (piles.length || model)) setMode(model ? "pages" : "piles");
    if (mode && heap && !heap.labels.length) setMode("piles"); // the model has been let go
  }, [heap]);

  const made = (values) => ({ marks: new Map(), at: 0, serial: ++own.serial, ...values });
  const choose = () => {
    if (mode === "piles") return piles.length ? pileAt(piles[0]) : null;
    const page = mode === "pages" && nextPage(fresh);
    if (page) return made({ kind: "page", ...page });
    const ids = fresh.map((one) => one.id);
    return ids.length ? made({ kind: "single", ids: inLine(own.line, ids) }) : null;
  };
  const pileAt = (pile) => made({ kind: "pile", number: pile.number, ids: pile.ids.slice(0, SHOWN), at: -1 });
  const isStale = (label) => label && !labels.includes(label); // undone, or renamed
  const kept = front && !isStale(front.label) && (front.kind === "pile") === (mode === "piles") && left(front, isHere);
  let now = mode && (kept?.ids.length ? kept : choose());
  if (now && now.kind === "single") {
    own.line = now.ids = inLine(now.ids, fresh.map((one) => one.id));
    now.at = Math.min(now.at, now.ids.length - 1);
    if (!now.ids.length) now = null; // nothing is suggested for any, as under a server started anew
  }
  useLayoutEffect(() => { if (now && now.serial !== front?.serial) setFront(now); });
  const pile = now?.kind === "pile" ? piles.find((one) => one.number === now.number) || piles[0] : null;
  const single = now?.kind === "single" ? items.get(now.ids[now.at]) : null;
  // What a newer model says waits until the picture comes anew: Enter accepts what was read.
  if (own.said?.id !== single?.id || !own.said?.label || isStale(own.said.label)) own.said = single;
  const suggestion = own.said;

  const go = (at) => setFront({ ...now, at });
  const mark = (id, value, step = 1) => {
    const marks = new Map(now.marks);
    marks.delete(id);
    if (value) marks.set(id, value);
    setFront({ ...now, marks, at: Math.min(now.ids.indexOf(id) + (value ? step : 0), now.ids.length - 1) });
  };
  const nextPileFront = () => {
    const left = piles.filter((one) => one.ids.some(isHere));
    const at = piles.indexOf(pile);
    const next = [...piles.slice(at + 1), ...piles.slice(0, at)].find((one) => left.includes(one));
    return next ? pileAt({ ...next, ids: next.ids.filter(isHere) }) : null;
  };
  const inTurn = (asking) => (own.sending = own.sending.catch(() => {}).then(() => attempt(asking))); // or undo might overtake
  const take = async (what) => {
    const ids = [...what.aside, ...what.labelled.flatMap((one) => one.ids)];
    for (const id of now.ids) if (now.kind === "page" && !ids.includes(id)) own.skipped.add(id);
    ids.forEach((id) => own.sent.add(id));
    own.past.push({ ...now, mode, marks: new Map() });
    setFront(now.kind === "pile" ? nextPileFront() : now.kind === "single" && mode === "singles" ? { ...now } : null);
    if (ids.length && !(await inTurn(() => post("/api/heap/accept", what)))) ids.forEach((id) => own.sent.delete(id));
    refresh();
  };
  const rearrange = async (path, values) => {
    const found = await inTurn(() => post(path, values));
    if (!found) return;
    own.past.push("piles");
    const before = new Set(piles.map((one) => one.number));
    const [number, ids] = found.piles.find(([one]) => !before.has(one));
    setHeap(found);
    setFront(pileAt({ number, ids }));
  };

  const act = {
    accept() {
      if (now?.kind === "pile") setNaming("");
      else if (now?.kind === "page") take(decided(now.ids, now.label, now.marks));
      else if (accepts(suggestion)) take({ labelled: [{ label: suggestion.label, ids: [suggestion.id] }], aside: [] });
    },
    label(label) {
      if (now?.kind === "pile") take(decided(now.ids, label, now.marks));
      else if (now?.kind === "page") mark(now.ids[now.at], label === now.label ? null : { label });
      else if (now) take({ labelled: [{ label, ids: [now.ids[now.at]] }], aside: [] });
    },
    aside() {
      if (!now) return;
      const id = now.ids[now.at];
      if (now.kind === "single") take({ labelled: [], aside: [id] });
      else if (now.at >= 0) mark(id, { aside: true });
      else take({ labelled: [], aside: now.ids.filter((one) => !now.marks.has(one)) });
    },
    leave(at = now?.at, step = 1) {
      if (now && now.kind !== "single" && at >= 0) mark(now.ids[at], now.marks.has(now.ids[at]) ? null : { later: true }, step);
    },
    rename(label) { // of a page: what it is to be accepted as
      if (now?.kind !== "page") return label && act.label(label);
      const marks = new Map([...now.marks].filter(([, value]) => value.label !== label));
      if (label) setFront({ ...now, label, marks, renamed: true });
    },
    whole: () => (now?.kind === "pile" ? go(-1) : false),
    skip(step = 1) {
      if (now?.kind === "pile") {
        const at = piles.indexOf(pile);
        setFront(pileAt(piles[(at + step + piles.length) % piles.length]));
      } else if (now?.kind === "page") {
        now.ids.forEach((id) => own.skipped.add(id));
        setFront(null);
      } else if (now && step < 0) go(Math.max(0, now.at - 1));
      else if (now) {
        own.skipped.add(now.ids[now.at]);
        setFront(mode === "pages" ? null : { ...now, ids: now.ids.filter((id, at) => at !== now.at) });
      }
    },
    split: (into = 2) => pile?.number && rearrange("/api/heap/split", { pile: pile.number, into }),
    merge: (other = pile?.alike) => pile?.number && other && rearrange("/api/heap/merge", { pile: pile.number, with: other }),
    async undo() {
      if (now?.marks.size) return mark([...now.marks.keys()].pop(), null);
      const last = own.past.pop();
      if (last === "piles") {
        const found = await inTurn(() => post("/api/heap/undo"));
        if (found) setHeap(found);
        return setFront(null);
      }
      if (await inTurn(() => post("/api/undo"))) {
        await refresh();
        own.sent.clear();
        if (last) setMode(last.mode);
        if (last) setFront({ ...last, serial: ++own.serial });
      }
    },
    look(next) {
      if (next !== "piles" && !model) return say(missing());
      setMode(next);
      setFront(null);
    },
  };
  const missing = () => {
    const named = store.labels.filter((one) => one.learn).length;
    if (named < 2) return t(named ? "label.one_label" : "label.no_label");
    return training.error && !training.doing ? training.error : t("label.training");
  };
  const keyed = (key) => {
    const found = labelOf(key, labels);
    if (found && (now?.kind !== "pile" || /\d/.test(key))) act.label(found);
    else if (/\D/.test(key)) setNaming(key);
  };
  const all = letters(labels).join("");
  const unless = (name) => (event) => (isButton(event) ? false : act[name]());
  useKeys([
    { keys: [..."123456789", ...all], act: (event) => keyed(event.key.toLowerCase()) },
    { keys: ["1 – 9", "A – Z"], words: t("label.key_label"), act: () => false },
    { keys: [..."123456789"].map((one) => `Shift+${one}`), act: (event) => act.rename(labels[event.code.slice(5) - 1]) },
    { keys: ["Shift+1", "…"], words: t("label.key_all"), act: () => false },
    { keys: ["Enter"], words: t("label.key_accept"), act: unless("accept") },
    { keys: [" "], words: t("label.key_leave"), act: unless("leave") },
    { keys: ["x"], words: t("label.key_aside"), act: () => act.aside() },
    { keys: ["z"], words: t("label.key_undo"), act: () => act.undo() },
    { keys: ["."], words: t("label.key_next"), act: () => act.skip(1) },
    { keys: [","], words: t("label.key_back"), act: () => act.skip(-1) },
    { keys: ["+", "="], words: t("label.key_split"), act: () => act.split() },
    { keys: ["-"], words: t("label.key_merge"), act: () => act.merge() },
    { keys: ["0"], words: t("label.key_look"), act: () => act.look(MODES[(MODES.indexOf(mode) + 1) % 3]) },
    { keys: ["/"], words: mode !== "piles" && t("label.key_filter"), act: () => search.current?.focus() }, // which is Shift+7 elsewhere
    { keys: ["Escape"], act: () => act.whole() },
  ]);

  const count = [...items.keys()].filter(isHere).length;
  if (!heap) return html`<p class="empty">${t("label.opening")}</p>`;
  if (!count) return html`<p class="empty" role="status">${t("label.nothing")}</p>`;
  const show = { items, now, go, act, said, pile, piles, labels, suggestion, naming: (text) => setNaming(text) };
  const View = { pile: pile && Pile, page: Page, single: Single }[now?.kind]; // a pile that came back may not be told yet
  return html`
    <div class="label">
      <div class="how">
        <div class="modes" role="group" aria-label=${t("label.modes")}>
          ${MODES.map((one) => html`<button key=${one} aria-pressed=${mode === one} onClick=${() => act.look(one)}>${t(`label.${one}`)}</button>`)}
        </div>
        <span class="soft">${t("label.left", { count })}</span>
        ${mode !== "piles" && html`<input ref=${search} type="search" value=${filter} placeholder=${t("label.filter")} aria-label=${t("label.filter")}
          title=${t("label.filter_how")} onInput=${(event) => { setFilter(event.target.value); setFront(null); }}
          onKeyDown=${(event) => ["Enter", "Escape"].includes(event.key) && event.target.blur()} />`}
        ${heap.doing === "pictures" && html`<progress max=${heap.total} value=${heap.done} aria-label=${t("label.looking")} />`}
      </div>
      ${heap.error && html`<p class="notice" role="alert">${heap.error}</p>`}
      ${View ? html`<${View} key=${now.serial} ...${show} />`
        : html`<p class="empty" role="status">${mode && filter ? t("label.none_found") : mode && mode !== "piles" ? t("label.wait")
          : heap.doing === "pictures" ? t("label.looked_at", { done: heap.done, total: heap.total }) : t("label.piling")}</p>`}
      ${naming === null ? html`
        <div class="names" role="group" aria-label=${t("label.labels")}>
          ${labels.map((label, index) => html`<button key=${label} onClick=${() => act.label(label)}>${index < 9 && html`<kbd>${index + 1}</kbd>`}${label}</button>`)}
          <button onClick=${() => setNaming("")}>${t("label.other")}</button>
          ${!model && html`<span class="soft">${missing()}</span>`}
          ${model && mode === "piles" && html`<span class="soft">${t("label.when_ready")}</span><button class="main" onClick=${() => act.look("pages")}>${t("label.ready")} <kbd>0</kbd></button>`}
        </div>`
        : html`<${Namer} begun=${naming} labels=${labels} done=${(name) => { setNaming(null); if (name) act.label(name); }} />`}
      ${heap.unreadable.length > 0 && html`<details><summary>${t("label.unreadable", { count: heap.unreadable.length })}</summary>
        <ul>${heap.unreadable.map(([id, reason]) => html`<li key=${id}>${store.pictures.get(id)?.name}: ${reason}</li>`)}</ul></details>`}
    </div>
  `;
}
