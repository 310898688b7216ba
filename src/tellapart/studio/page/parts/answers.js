// What can be said of pictures: buttons with their keys, and a label by its name.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { store } from "../store.js";
import { t } from "../words.js";
import { Dialog } from "./dialog.js";

const shown = { enter: "Enter" };

/** A button that says its key. */
export const Keyed = ({ letter, main, press, children, disabled = false }) => html`
  <button class=${main ? "main" : ""} disabled=${disabled} onClick=${press}>${children} <kbd aria-hidden="true">${shown[letter] || letter.toUpperCase()}</kbd></button>
`;

// What is chosen already: to press it again changes nothing.
const CHOSEN = 'nav [aria-current="page"], [role="group"] > [aria-pressed="true"]';

/**
 * Whether a key went to something that has a use for it itself, such as a button for Enter. The link or
 * the choice that a click has just left the focus on has none; a key held down on it goes on pressing it.
 */
export const isPressing = (event) =>
  event.key === "Enter" && event.target.closest("button, a, summary, input") && (event.repeat || !event.target.closest(CHOSEN));

/** Asks for a label: one there is, by how it begins, or a new one; `choose` is called with it. */
export function LabelDialog({ close, choose }) {
  const [typed, type] = useState("");
  const field = useRef(null);
  useEffect(() => field.current.focus(), []);
  const start = typed.trim().toLocaleLowerCase();
  const labels = store.labels.map((one) => one.name);
  const begun = labels.filter((one) => one.toLocaleLowerCase().startsWith(start));
  const exact = labels.find((one) => one.toLocaleLowerCase() === start);
  const take = (label) => {
    close();
    choose(label);
  };
  const send = (event) => {
    event.preventDefault();
    if (start) take(exact || (begun.length === 1 ? begun[0] : typed.trim()));
  };
  const isNew = start && !exact && begun.length !== 1;
  return html`
    <${Dialog} title=${t("mend.other_label")} close=${close}>
      <form class="which" onSubmit=${send}>
        <label>${t("mend.label")} <input ref=${field} type="text" value=${typed} onInput=${(event) => type(event.target.value)} autocomplete="off" /></label>
        ${isNew ? html`<button class="main">${t("mend.new_label", { label: typed.trim() })}</button>` : null}
        <div class="choices">
          ${begun.slice(0, 60).map((one) => html`<button key=${one} type="button" onClick=${() => take(one)}>${one}</button>`)}
        </div>
      </form>
    </${Dialog}>
  `;
}
