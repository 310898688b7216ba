// The page, put together: a bar on top, the parts of the studio, and the one that is open.
import { html, render, useEffect, useRef, useState } from "./vendor/preact.js";
import { post } from "./api.js";
import { allKeys, spelt, useKeys } from "./keys.js";
import { Dialog } from "./parts/dialog.js";
import { Firm } from "./parts/firm.js";
import { Icon } from "./parts/icon.js";
import { Messages } from "./parts/messages.js";
import { Score } from "./parts/score.js";
import { undo as takeBack } from "./parts/uploads.js";
import { attempt, begin, refresh, store, update, useStore } from "./store.js";
import { Capture } from "./views/capture.js";
import { Collect } from "./views/collect.js";
import { Label } from "./views/label.js";
import { Mend } from "./views/mend.js";
import { Share } from "./views/share.js";
import { Test } from "./views/test.js";
import { Train } from "./views/train.js";
import { known, language, speak, t, theirs } from "./words.js";

// In the order of the work: [name in the address, view].
const views = [
  ["collect", Collect],
  ["label", Label],
  ["train", Train],
  ["test", Test],
  ["mend", Mend],
  ["share", Share],
];

const place = () => location.hash.replace(/^#\/?/, "").split("/");

/** Where the page is: [name, ...rest] of the address after #. */
function usePlace() {
  const [at, go] = useState(place);
  useEffect(() => {
    const moved = () => go(place());
    addEventListener("hashchange", moved);
    moved(); // the address may have changed before anybody listened
    return () => removeEventListener("hashchange", moved);
  }, []);
  return at;
}

const shut = () => update({ capture: null });
const undo = () => attempt(takeBack);
const redo = () => attempt(() => post("/api/redo"));

/** By a key, which may be held beyond the last one, or pressed before the page knows of the first. */
async function byKey(which, act) {
  if (!store[which]) await refresh();
  if (store[which]) await act();
}

function Bar({ help }) {
  const folder = useStore((all) => all.folder);
  const last = useStore((all) => all.undo);
  const next = useStore((all) => all.redo);
  const lastWords = last ? t("shell.undo_what", { what: last }) : t("shell.undo");
  const nextWords = next ? t("shell.redo_what", { what: next }) : t("shell.redo");
  return html`
    <header class="bar">
      <h1 title=${folder.path}>${folder.name || t("shell.title")}</h1>
      <${Score} />
      <div class="tools">
        <button aria-label=${t("shell.undo")} title=${lastWords} disabled=${!last} onClick=${undo}>
          <${Icon} name="undo" />
        </button>
        <button aria-label=${t("shell.redo")} title=${nextWords} disabled=${!next} onClick=${redo}>
          <${Icon} name="redo" />
        </button>
        <button aria-label=${t("shell.keys")} title="${t("shell.keys")} (?)" onClick=${help}>
          <${Icon} name="keys" />
        </button>
      </div>
    </header>
  `;
}

function Sections({ at }) {
  const nav = useRef(null);
  useEffect(() => {
    const open = nav.current.querySelector("[aria-current]"); // on a phone it may lie beside the screen
    open.scrollIntoView({ inline: "center", block: "nearest" });
  }, [at]);
  return html`
    <nav class="sections" ref=${nav} aria-label=${t("shell.sections")}>
      ${views.map(
        ([name]) => html`
          <a key=${name} href=${`#/${name}`} aria-current=${name === at ? "page" : null}>${t(`${name}.tab`)}</a>
        `,
      )}
    </nav>
  `;
}

function Help({ close }) {
  return html`
    <${Dialog} title=${t("keys.title")} close=${close}>
      <dl class="keys">
        ${allKeys().map(
          (one) => html`
            <div key=${one.words}><dt>${one.keys.map((key) => html`<kbd>${spelt(key)}</kbd>`)}</dt><dd>${one.words}</dd></div>
          `,
        )}
      </dl>
      <label class="language">
        ${t("shell.language")}
        <select value=${language} onChange=${(event) => speak(event.target.value)}>
          ${known.map(([code, name]) => html`<option value=${code}>${name}</option>`)}
        </select>
      </label>
    </${Dialog}>
  `;
}

function App() {
  const [at, ...rest] = usePlace();
  const status = useStore((all) => all.status);
  const problem = useStore((all) => all.problem);
  const capture = useStore((all) => all.capture);
  const [help, showHelp] = useState(false);
  useKeys([
    { keys: ["z", "Ctrl+z"], words: t("keys.undo"), act: () => byKey("undo", undo), everywhere: true },
    { keys: ["Ctrl+Shift+z", "Ctrl+y"], words: t("keys.redo"), act: () => byKey("redo", redo), everywhere: true },
    { keys: ["?"], words: t("keys.help"), act: () => showHelp(true), everywhere: true },
  ]);
  const under = useRef([""]); // what "Why" is opened over
  const over = at === "why";
  if (!over) under.current = [at, ...rest];
  const leave = () => (location.hash = `#/${under.current.join("/")}`);
  const [Why, setWhy] = useState(null); // loaded when it is first opened
  useEffect(() => {
    if (over) import("./views/why.js").then((module) => setWhy(() => module.Why));
  }, [over]);
  const [name, View] = views.find(([one]) => one === under.current[0]) || views[0];
  return html`
    <${Bar} help=${() => showHelp(true)} />
    <${Sections} at=${name} />
    <main id="main" data-view=${name} aria-busy=${status === "loading"}>
      ${status === "gone" || status === "stale" ? html`<p class="notice" role="alert">${t(`shell.${status}`)}</p>` : null}
      ${status === "here" && problem ? html`<p class="notice calm" role="status" lang=${theirs}><span>${problem.detail}</span>${problem.hint && html` <span>${problem.hint}</span>`}</p>` : null}
      ${status === "loading" ? html`<p class="empty">${t("shell.loading")}</p>` : html`<${Firm} key=${name}><${View} rest=${under.current.slice(1)} /></${Firm}>`}
    </main>
    ${over && Why && status !== "loading" ? html`<${Firm} close=${leave}><${Why} at=${rest} close=${leave} /></${Firm}>` : null}
    <${Messages} />
    ${capture ? html`<${Firm} close=${shut}><${Capture} label=${capture.label} close=${shut} /></${Firm}>` : null}
    ${help ? html`<${Help} close=${() => showHelp(false)} />` : null}
  `;
}

begin();
render(html`<${App} />`, document.getElementById("app"));
