// Collect: labels and the pictures under each, brought in and sorted by hand.
import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { get, post, thumbnail } from "../api.js";
import { keep, kept } from "../kept.js";
import { useKeys } from "../keys.js";
import { filesIn, filesOf, placesOf } from "../parts/arrivals.js";
import { dropPlace } from "../parts/grid/drag.js";
import { Grid, orderIn } from "../parts/grid/grid.js";
import { clicked, everything, kept as still, NOTHING, released } from "../parts/grid/selection.js";
import { Icon } from "../parts/icon.js";
import { Large } from "../parts/large.js";
import { MoveTo } from "../parts/move-to.js";
import { Outcome } from "../parts/outcome.js";
import { SectionHeading } from "../parts/section-heading.js";
import { addressOf, bringIn, notRead, stop, useUploads } from "../parts/uploads.js";
import { attempt, refresh, store, update, useStore } from "../store.js";
import { number, t } from "../words.js";

// The keys of what is no label; a label's is its name after "=".
const HEAP = "heap";
const TEST = "test";
const ASIDE = "aside";
const LEAST = 64; // pixels: sides of a tile
const MOST = 360;
const FIRST = 112;

const keyOf = (one) => (one.part === "learn" ? `=${one.label}` : one.part);
const labelOf = (key) => (key.startsWith("=") ? key.slice(1) : "");
const nameOf = (key) => labelOf(key) || t(`collect.${key}_name`);

/** Pictures to a place; those kept for testing keep their labels. Undefined if it was refused. */
function moveTo(key, ids) {
  const label = labelOf(key);
  return attempt(() => {
    if (key === ASIDE) return post("/api/aside", { ids });
    return key === TEST ? post("/api/part", { ids, part: "test" }) : post("/api/label", { ids, label, part: "learn" });
  });
}

/** All sections with the ids of their pictures: what came since the page was opened comes first. */
function useSections(folded, pending) {
  const { pictures, labels } = store;
  const newest = useRef(Math.max(0, ...pictures.keys()));
  return useMemo(() => {
    const keys = [HEAP, ...labels.map((one) => `=${one.name}`), TEST, ASIDE];
    const ids = new Map(keys.map((key) => [key, []]));
    for (const one of pictures.values()) ids.get(keyOf(one))?.push(one.id);
    for (const list of ids.values())
      list.sort((a, b) => (Math.max(a, b) > newest.current ? b - a : a - b));
    for (const one of pending) if (!one.archive) ids.get(one.label ? `=${one.label}` : HEAP)?.unshift(one.id);
    return keys
      .map((key) => ({ key, name: nameOf(key), ids: ids.get(key), folded: folded.has(key) }))
      .filter(({ key, ids: held }) => held.length || (key !== TEST && key !== ASIDE));
  }, [pictures, labels, folded, pending]);
}

function focusHeading(name) {
  document.querySelector(`section[aria-label="${CSS.escape(name)}"] .fold`)?.focus();
}

/** Open the panel that records from the camera. */
const record = (label) => update({ capture: { label } });

const whyNot = (address) =>
  address.startsWith("blob:")
    ? Promise.resolve("")
    : get(address).then(
        (said) => said.unreadable,
        (error) => error.message,
      );

export function Collect() {
  useStore((all) => all.labels); // new after each change
  const uploads = useUploads();
  const [tile, zoom] = useState(() => Number(kept("tile")) || FIRST);
  const [folded, fold] = useState(new Set());
  const [selection, select] = useState(NOTHING);
  const [large, open] = useState(null);
  const [moving, setMoving] = useState(null); // the ids that a place is being chosen for
  const sections = useSections(folded, uploads.pending);
  const order = useMemo(() => orderIn(sections), [sections]);
  const grid = useRef(null);
  const before = useRef(order);
  if (before.current !== order) {
    const left = still(selection, order, before.current);
    before.current = order;
    if (left.active !== selection.active || left.chosen.size !== selection.chosen.size) select(left);
  }
  const chosen = order.ids.filter((id) => selection.chosen.has(id));
  const move = (key, ids) => moveTo(key, ids.filter((id) => store.pictures.has(id)));
  const bring = (files, key = null) => {
    const places = placesOf(files.map(({ path }) => path));
    const own = { label: labelOf(key ?? ""), part: "learn" };
    bringIn(files.map((one, at) => ({ ...one, ...(key === null ? places[at] : own) })));
  };
  /** The place is chosen: keys go on with the picture after those that are moved. */
  const moveChosen = async (key) => {
    const ids = new Set(moving);
    setMoving(null);
    const last = Math.max(...moving.map((id) => order.at.get(id) ?? 0));
    const stays = (id) => !ids.has(id);
    const next = order.ids.slice(last).find(stays) ?? order.ids.slice(0, last).findLast(stays);
    if ((await move(key, moving)) && large === null && next !== undefined) select(clicked(NOTHING, order, next));
    await refresh();
    setTimeout(() => document.activeElement.closest("dialog, input") || grid.current?.focus());
  };
  const drop = (key) => ({
    pictures: key === null ? null : (ids) => move(key, ids),
    files: async (transfer) => {
      const lost = [];
      bring(await filesIn(transfer, lost), key === TEST || key === ASIDE ? null : key);
      notRead(lost);
    },
  });
  const choose = (key = null, folder = false) => {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", multiple: true, webkitdirectory: folder });
    input.onchange = () => bring(filesOf(input), key);
    input.click();
  };
  const size = (to) => {
    zoom(to);
    keep("tile", to);
  };
  const larger = (by) => size(Math.min(MOST, Math.max(LEAST, Math.round(tile * 1.25 ** by))));
  const aside = (ids) => {
    if (!ids.length) return false;
    move(ASIDE, ids);
    return true;
  };
  const foldTo = (key) => {
    const next = new Set(folded);
    if (!next.delete(key)) next.add(key);
    fold(next);
  };

  useKeys([
    { keys: ["Delete", "Backspace"], words: t("collect.aside"), act: () => aside(chosen) },
    { keys: ["m"], words: t("collect.move"), act: () => chosen.length > 0 && setMoving(chosen) },
    { keys: ["Ctrl+a"], words: t("collect.all"), act: () => select(everything(selection, order)) },
    { keys: ["Escape"], words: t("collect.none"), act: () => selection.chosen.size > 0 && select(released(selection)) },
    { keys: ["+", "="], words: t("collect.larger"), act: () => larger(1) },
    { keys: ["-"], words: t("collect.smaller"), act: () => larger(-1) },
    // what the grid and the headings hear themselves
    { keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], words: t("keys.walk") },
    { keys: ["Home", "End", "PageUp", "PageDown"], words: t("keys.far") },
    { keys: [" "], words: t("keys.too") },
    { keys: ["Enter"], words: t("keys.large") },
    { keys: ["F2"], words: t("keys.rename") },
  ]);
  useEffect(() => {
    const paste = async (event) => {
      if (!event.clipboardData.files.length || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      bring(await filesIn(event.clipboardData), HEAP);
    };
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  }, []);

  const pending = useMemo(() => new Map(uploads.pending.map((one) => [one.id, one])), [uploads.pending]);
  const draw = useMemo(
    () => (id, side) => {
      const one = store.pictures.get(id);
      if (!one) {
        const coming = pending.get(id);
        const address = coming ? addressOf(coming) : "";
        return { name: coming?.file.name ?? "", mark: t("collect.adding"), dimmed: true, address };
      }
      const mark =
        one.part === "test" ? one.label : one.decided && one.decided !== "keep" ? t(`collect.mark_${one.decided}`) : "";
      const name = one.name.slice(one.name.lastIndexOf("/") + 1);
      return { name: mark ? `${name}, ${mark}` : name, mark, dimmed: one.decided === "drop", address: thumbnail(one, side) };
    },
    [store.pictures, pending],
  );
  const heading = (section) => {
    const label = labelOf(section.key);
    const rename = async (to) => {
      await attempt(() => post("/api/labels/rename", { from: label, to }));
      await refresh();
      // The heading that had the focus is another one now.
      if (document.activeElement === document.body) setTimeout(() => focusHeading(to));
    };
    const remove = () => attempt(() => post("/api/labels/remove", { name: label }));
    return html`<${SectionHeading}
      section=${section}
      fold=${() => foldTo(section.key)}
      rename=${label && rename}
      remove=${label && remove}
      add=${(label || section.key === HEAP) && (() => choose(section.key))}
      record=${label && (() => record(label))}
      unlabelled=${section.key === HEAP && section.ids.length > 0}
    />`;
  };
  const goTo = (key) => {
    if (folded.has(key)) foldTo(key);
    setTimeout(() => grid.current?.to(key));
  };
  const at = large === null ? -1 : order.at.get(large) ?? -1;
  const step = (by) => {
    const next = order.ids[at + by];
    if (next !== undefined) open(next);
  };
  const shown = store.pictures.get(large);
  const bare = !store.pictures.size && !store.labels.length && !uploads.pending.length;
  const places = [HEAP, ...store.labels.map((one) => `=${one.name}`), TEST, ASIDE].map((key) => ({
    key,
    name: nameOf(key),
    count: sections.find((one) => one.key === key)?.ids.length ?? 0,
  }));
  return html`
    <div class="collect" ...${dropPlace(drop(null))}>
      <${Labels} places=${places} drop=${drop} goTo=${goTo} />
      <div class="pictures">
        <div class="tools" role="toolbar" aria-label=${t("collect.tools")}>
          ${chosen.length
            ? html`
                <span role="status">${t("collect.selected", { count: chosen.length })}</span>
                <button onClick=${() => setMoving(chosen)}>${t("collect.move")}</button>
                <button onClick=${() => aside(chosen)}>${t("collect.aside")}</button>
                <button class="quiet" onClick=${() => select(released(selection))}>${t("collect.none")}</button>
              `
            : html`
                <button onClick=${() => choose()}>${t("collect.choose")}</button>
                <button onClick=${() => choose(null, true)}>${t("collect.choose_folder")}</button>
                <button onClick=${() => record("")}><${Icon} name="camera" />${t("webcam.title")}</button>
              `}
          <span class="zoom">
            <button class="quiet" aria-label=${t("collect.smaller")} onClick=${() => larger(-1)}>−</button>
            <input type="range" min=${LEAST} max=${MOST} aria-label=${t("collect.size")} value=${tile} onInput=${(event) => size(Number(event.target.value))} />
            <button class="quiet" aria-label=${t("collect.larger")} onClick=${() => larger(1)}>+</button>
          </span>
        </div>
        <${Progress} uploads=${uploads} />
        <${Outcome} key=${uploads.lot} outcome=${uploads.outcome} />
        ${bare
          ? html`<div class="begin"><h2>${t("collect.empty")}</h2><p>${t("collect.empty_folders")}</p><p>${t("collect.empty_stays")}</p></div>`
          : html`<${Grid}
              sections=${sections}
              order=${order}
              tile=${tile}
              selection=${selection}
              select=${select}
              open=${open}
              draw=${draw}
              whyNot=${whyNot}
              drop=${drop}
              heading=${heading}
              empty=${(section) => html`<p class="empty">${t(section.key === HEAP ? "collect.empty_heap" : "collect.empty_label")}</p>`}
              handle=${grid}
            />`}
      </div>
      ${shown &&
      html`<${Large}
        picture=${shown}
        place=${nameOf(keyOf(shown))}
        at=${at}
        of=${order.ids.length}
        step=${step}
        move=${() => setMoving([large])}
        aside=${() => {
          step(at + 1 < order.ids.length ? 1 : -1);
          aside([large]);
        }}
        close=${() => {
          open(null);
          setTimeout(() => grid.current?.focus());
        }}
        whyNot=${whyNot}
      />`}
      ${moving &&
      html`<${MoveTo}
        count=${moving.length}
        places=${places}
        move=${moveChosen}
        make=${(name) => moveChosen(`=${name}`)}
        close=${() => setMoving(null)}
      />`}
    </div>
  `;
}

/** All labels, to go to and to drop on, and a field for a new one. */
function Labels({ places, drop, goTo }) {
  const field = useRef(null);
  async function add(event) {
    event.preventDefault();
    const name = field.current.value.trim();
    if (!name) return;
    if (await attempt(() => post("/api/labels", { name }))) {
      field.current.value = "";
      goTo(`=${name}`);
    }
  }
  return html`
    <aside class="labels" aria-label=${t("collect.labels")}>
      <form onSubmit=${add}>
        <input ref=${field} type="text" aria-label=${t("collect.label_name")} placeholder=${t("collect.label_name")} autocomplete="off" />
        <button>${t("collect.add_label")}</button>
      </form>
      <ul>
        ${places.map(
          ({ key, name, count }) => html`
            <li key=${key} ...${dropPlace(drop(key))}>
              <button class="quiet" onClick=${() => goTo(key)}><span>${name}</span><small>${number(count)}</small></button>
            </li>
          `,
        )}
      </ul>
    </aside>
  `;
}

/** How far bringing pictures in has come. */
function Progress({ uploads }) {
  const { pending, sent, arriving } = uploads;
  const all = sent + pending.length;
  return html`
    <div class="progress" role="status">
      ${pending.length > 0 &&
      html`
        <progress max=${all} value=${sent + (arriving ? arriving.done / arriving.total : 0)} aria-label=${t("collect.adding")} />
        <span>${arriving ? t("collect.unpacked_of", arriving) : t("collect.added_of", { sent, all })}</span>
        <button class="quiet" onClick=${stop}>${t("collect.stop")}</button>
      `}
    </div>
  `;
}
