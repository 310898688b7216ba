// Why a picture gets its answer, and what if it were another: opened over whatever was there before.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { bytes, post, Problem, send } from "../api.js";
import { called } from "../keys.js";
import { Dialog } from "../parts/dialog.js";
import { paintedOn } from "../parts/paint/canvas.js";
import { newest } from "../parts/paint/newest.js";
import { opaque, Painting } from "../parts/paint/painting.js";
import { firstTool, Tools } from "../parts/paint/tools.js";
import { hangsOn, whyOf } from "../parts/said.js";
import { hear, store } from "../store.js";
import { number, percent, t } from "../words.js";

const MOST = 8; // bars
const DIFFERENCE = ""; // as the map of the winner less its rival is asked for
const paintings = new Map(); // the latest few, so that what was painted is there when one comes back
const REMEMBERED = 4;

/** The painting on the picture at an address, begun if there is none yet. */
async function paintingOf(base, version, signal) {
  const key = `${base}?${version}`;
  const painting = paintings.get(key) || new Painting(opaque(await bytes(`${base}/pixels`, signal)));
  paintings.delete(key);
  paintings.set(key, painting);
  if (paintings.size > REMEMBERED) paintings.delete(paintings.keys().next().value);
  return painting;
}

const PLACE = /^(?:\d+|tested\/\d+)$/; // in the address: a picture of the folder, or one that was tested

export function Why({ at, close }) {
  const place = at.join("/");
  const picture = store.pictures.get(Number(at[0]));
  const name = picture ? picture.name : t("why.tested");
  const keys = useRef({});
  const pressed = (event) => {
    event.stopPropagation(); // what lies below hears no key
    const act = event.target.tagName !== "SELECT" && keys.current[called(event)];
    if (act) {
      event.preventDefault();
      act();
    }
  };
  return html`
    <div onKeyDown=${pressed}>
      <${Dialog} wide=${true} title=${t("why.title", { name })} close=${close}>
        ${PLACE.test(place)
          ? html`<${Inside} key=${place} base=${`/api/why/${place}`} name=${name} own=${picture ? picture.label : ""} version=${picture ? picture.version : ""} keys=${keys} />`
          : html`<p class="empty" role="alert">${t("why.no_picture")}</p>`}
      </${Dialog}>
    </div>
  `;
}

function Inside({ base, name, own, version, keys }) {
  const [before, setBefore] = useState(null); // the explanation of the picture as it is
  const [problem, setProblem] = useState(null);
  const [now, setNow] = useState(null); // the answer for it as it is painted
  const [after, setAfter] = useState(null); // and its explanation, once a stroke has ended
  const [map, setMap] = useState(DIFFERENCE); // whose evidence is shown; null for none
  const [strength, setStrength] = useState(0.8);
  const [divide, setDivide] = useState(0);
  const [found, setFound] = useState(null); // what would change the answer; "busy" while looked for
  const [far, setFar] = useState(null); // how far that is: {done, total}
  const [, draw] = useState(0);
  const [tool, setTool] = useState(firstTool);
  const sheet = useRef(null);
  const kept = useRef({ tool }); // what the canvas and requests under way read
  Object.assign(kept.current, { tool, map });
  const { painting } = kept.current;
  const painted = Boolean(painting && painting.painted);

  const tried = async (asking) => {
    try {
      await asking();
      setProblem(null);
    } catch (error) {
      if (error instanceof Problem) setProblem(error);
      else if (error.name !== "AbortError") throw error;
    }
  };
  useEffect(() => {
    const leaving = new AbortController();
    const explain = () => tried(async () => setBefore(await ask("", null, leaving.signal)));
    explain();
    const stop = hear("training", (state) => !state.doing && explain().then(() => kept.current.changed?.(true)));
    return () => {
      leaving.abort();
      stop();
    };
  }, []);

  useEffect(() => {
    if (!before || painting) return undefined;
    let surface = null;
    const leaving = new AbortController();
    tried(async () => {
      const whole = await paintingOf(base, version, leaving.signal);
      const asking = newest(async (signal) => {
        setNow(whole.painted ? await ask("/answer", whole, signal) : null);
        if (whole.work) return;
        const strokes = whole.done.length;
        const explained = whole.painted ? await ask("", whole, signal) : null;
        if (!whole.work && whole.done.length === strokes) setAfter(explained);
      });
      const changed = (ended) => {
        if (!ended && kept.current.map !== null) setMap(null);
        if (ended || whole.done.length + 1 !== kept.current.drawn) {
          kept.current.drawn = whole.done.length + 1;
          kept.current.looking?.abort();
          setFound(null);
          setAfter(null);
          draw((count) => count + 1);
        }
        tried(() => asking.ask(ended));
      };
      surface = paintedOn(sheet.current, whole, () => kept.current.tool, {
        changed,
        picked: (color) => setTool((old) => ({ ...old, color, tool: old.tool === "pick" ? "brush" : old.tool })),
        sized: (times) => setTool((old) => ({ ...old, size: Math.min(Math.max(old.size * times, 2), 200) })),
      });
      Object.assign(kept.current, { painting: whole, surface, changed });
      setTool((old) => ({ ...old, size: Math.round(Math.min(...before.size) / 8) }));
      if (whole.painted) {
        surface.show(whole.rect);
        changed(false);
        changed(true);
      }
    });
    return () => leaving.abort();
  }, [before]);
  useEffect(() => () => (kept.current.surface?.end(), kept.current.looking?.abort()), []);
  useEffect(() => kept.current.surface?.point(), [tool]);

  const ask = (what, of, signal, values = {}) => {
    const { left, top, right, bottom, bytes: held } = of && of.painted ? of.patch() : {};
    const query = new URLSearchParams(held ? { ...values, box: [left, top, right, bottom].join() } : values);
    return send(`${base}${what}?${query}`, held, signal);
  };
  const step = (how) => {
    if (!painting || painting.work) return;
    kept.current.surface.show(how());
    kept.current.changed(true);
  };
  const undo = () => step(() => painting.undo());
  const redo = () => step(() => painting.redo());
  keys.current = { "Ctrl+z": undo, z: undo, "Ctrl+Shift+z": redo, "Ctrl+y": redo };
  const look = () => {
    const mine = String(Math.random());
    const silent = hear("depends", (said) => said.as === mine && setFar(said));
    setFar(null);
    return tried(async () => {
      setFound("busy");
      setMap(null);
      kept.current.looking = new AbortController();
      setFound(await ask("/depends", painting, kept.current.looking.signal, { as: mine }));
    }).then(() => {
      silent();
      setFound((now) => (now === "busy" ? null : now));
    });
  };

  if (problem && !before) return html`<p class="empty" role="alert">${problem.message} ${problem.hint}</p>`;
  if (!before) return html`<p class="empty" role="status">${t("why.looking")}</p>`;
  const told = (painted && after) || before;
  const earlier = painted && !after; // what is told is of the picture as it was
  const because = earlier ? "because earlier" : "because";
  const answer = (painted && now) || before;
  const [width, height] = before.size;
  if (!painting?.work) kept.current.turn = painted && now ? turned(before, now) : ""; // said when a stroke has ended
  const overlay = map === null || earlier ? "" : `/api/why/maps/${told.map}?label=${encodeURIComponent(map)}`;
  const labels = [told.label, told.compared_with, ...Object.keys(told.scores)];
  return html`
    <div class="why" style=${{ "--width": width, "--height": height }}>
      <section class="stage" aria-label=${t("why.picture")}>
        <div ref=${sheet} class=${overlay ? "canvas grey" : "canvas"} tabindex="0" role="application" aria-label=${t("paint.sheet")} style=${{ "--strength": strength, "--divide": divide }}>
          <img src=${`${base}/picture`} alt=${name} draggable=${false} />
          <canvas aria-hidden="true"></canvas>
          ${overlay ? html`<img class="evidence" src=${overlay} alt="" draggable=${false} />` : null}
          ${divide ? html`<div class="divider"></div>` : null}
          ${found && found.flip ? html`<${Region} of=${found.flip} /><${Region} of=${found.keep} dashed=${true} />` : null}
          <div class="brush"></div>
        </div>
        <div class="controls">
          <${Tools} tool=${tool} set=${(values) => setTool({ ...tool, ...values })} painting=${painting} undo=${undo} redo=${redo} reset=${() => step(() => painting.reset())} />
          <div class="row">
            <label>${t("why.evidence")}
              <select aria-label=${t("why.evidence")} value=${map ?? "off"} onChange=${(event) => setMap(event.target.selectedIndex ? event.target.value : null)}>
                <option value="off">${t("why.off")}</option>
                <option value=${DIFFERENCE}>${t("why.difference", { label: told.label, other: told.compared_with })}</option>
                ${[...new Set(labels)].map((label) => html`<option key=${label} value=${label}>${label}</option>`)}
              </select>
            </label>
            ${overlay ? html`<small class="soft">${t("why.colors")}</small><label>${t("why.strength")} <input type="range" min="0.1" max="1" step="0.05" value=${strength} onInput=${(event) => setStrength(event.target.value)} /></label>` : null}
            ${painted ? html`<label>${t("why.divide")} <input type="range" min="0" max="1" step="0.01" value=${divide} onInput=${(event) => setDivide(Number(event.target.value))} /></label>` : null}
          </div>
        </div>
      </section>
      <section class="told" aria-label=${t("why.answer")}>
        <div class="now">
          ${problem ? html`<p class="notice" role="alert">${problem.message} ${problem.hint}</p>` : null}
          <p class="headline">${answer.unknown ? html`<strong>${t("why.none")}</strong> <small class="soft">${t("why.closest", { label: answer.label, score: percent(answer.score) })}</small>` : html`<strong>${answer.label}</strong> ${percent(answer.score)}`}</p>
          <${Scores} before=${before.scores} now=${answer.scores} />
          <p class="turn" role="status">${kept.current.turn}</p>
        </div>
        ${painted ? html`<${Save} painting=${painting} base=${base} name=${name} own=${own} tried=${tried} />` : null}
        <div class=${because}>
          ${earlier ? html`<h3>${t("why.earlier")}</h3>` : null}
          <p>${whyOf(told)}</p>
          ${told.note ? html`<p class="soft small" lang="en">${told.note}</p>` : null}
        </div>
        <p>
          ${found === "busy"
            ? html`<button onClick=${() => kept.current.looking.abort()}>${t("why.stop")}</button> <progress aria-label=${t("why.change")} max=${far ? far.total : 1} value=${far ? far.done : 0}></progress>`
            : html`<button onClick=${look}>${t("why.change")}</button>`}
        </p>
        <p role="status">${found && found.flip ? hangsOn(found, answer.label) : ""}</p>
        <div class=${because}>
          ${told.shares ? html`<p class="soft small">${t("why.shares", { label: told.label })}</p>` : null}
          ${arguments_(told).map(([title, pictures]) => html`<${Pictures} key=${title} title=${title} pictures=${pictures} />`)}
        </div>
      </section>
    </div>
  `;
}

/** What painting has done to the answer, in words. */
function turned(before, now) {
  const values = { label: before.label, score: percent(before.score), other: now.label, now: percent(now.score) };
  return t(before.label === now.label ? "why.stays" : "why.flipped", values);
}

/** How far something moves, with its sign. */
const signed = (value, digits) => (value > 0 ? "+" : "") + number(value, digits);

/** The training pictures that argued, and those that look alike: [[title, pictures]]. */
function arguments_({ label, shares, nearest }) {
  const own = (shares || {})[label];
  const argued = (list) => list.map((one) => ({ ...one, said: signed(one.share, 2) }));
  const groups = [[t("why.nearest"), nearest.map((one) => ({ ...one, said: "" }))]];
  if (own) groups.unshift([t("why.for", { label }), argued(own.most_for)], [t("why.against", { label }), argued(own.most_against)]);
  return groups.filter(([, pictures]) => pictures.length);
}

function Pictures({ title, pictures }) {
  return html`
    <h3>${title}</h3>
    <ul class="argued">
      ${pictures.map(
        ({ id, version, path, label, said }) => html`
          <li key=${path}>
            ${id ? html`<a href=${`#/why/${id}`}><img loading="lazy" src=${`/api/pictures/${id}/thumbnail?v=${version}`} alt=${path} /></a>` : html`<span class="small">${path}</span>`}
            <small>${label} <span class="soft">${said}</span></small>
          </li>
        `,
      )}
    </ul>
  `;
}

/** Bars with what they were before as a mark. */
function Scores({ before, now }) {
  const shown = Object.keys(before).slice(0, MOST).sort();
  return html`
    <ul class="scores">
      ${shown.map((label) => {
        const points = 100 * (now[label] - before[label]);
        const change = Math.abs(points) >= 0.05 ? t("why.points", { points: signed(points, 1) }) : "";
        const said = `${percent(now[label])} ${change}`;
        return html`
          <li key=${label}>
            <span>${label}</span><span class="said">${percent(now[label])} <small class="soft">${change}</small></span>
            <div class=${change ? "scale moved" : "scale"} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${100 * now[label]} aria-valuetext=${said} style=${{ "--now": now[label], "--was": before[label] }}></div>
          </li>
        `;
      })}
    </ul>
  `;
}

/** A part of the picture, outlined. */
const Region = ({ of, dashed = false }) =>
  of && html`<div class=${dashed ? "region dashed" : "region"} style=${{ "--left": of.left, "--top": of.top, "--right": of.left + of.width, "--bottom": of.top + of.height }}></div>`;

/** Keep the painted picture as a new one of the folder, in its own size. */
function Save({ painting, base, name, own, tried }) {
  const [label, setLabel] = useState(own);
  const [done, setDone] = useState(""); // "busy", or what the picture is called now
  const save = () =>
    tried(async () => {
      setDone("busy");
      const made = painting.on(opaque(await bytes(`${base}/pixels?whole`)));
      const canvas = new OffscreenCanvas(made.width, made.height);
      canvas.getContext("2d").putImageData(new ImageData(made.pixels, made.width), 0, 0);
      const called = `${name.split("/").pop().replace(/\.[^.]*$/, "")}-made.png`;
      await send(`/api/pictures?${new URLSearchParams({ name: called, label })}`, await canvas.convertToBlob());
      setDone(called);
    }).then(() => setDone((now) => (now === "busy" ? "" : now)));
  const undo = () => tried(() => post("/api/undo")).then(() => setDone(""));
  return html`
    <div class="row">
      <button onClick=${save} disabled=${done === "busy"}>${t("why.save")}</button>
      <label>${t("why.as")}
        <select aria-label=${t("why.as")} value=${label} onChange=${(event) => setLabel(event.target.value)}>
          <option value="">${t("why.unlabelled")}</option>
          ${store.labels.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}
        </select>
      </label>
    </div>
    <p role="status">${done && done !== "busy" ? html`${t("why.saved", { name: done })} <button onClick=${undo}>${t("why.take_back")}</button>` : ""}</p>
  `;
}
