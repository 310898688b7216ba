// "Move to…": a label by its first letters, by a click, or a new one, for hands without a mouse too.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { t } from "../words.js";
import { Dialog } from "./dialog.js";

/** `places` are {key, name, count}; `move(key)` is told one of them, `make(name)` a new label. */
export function MoveTo({ count, places, move, make, close }) {
  const [text, write] = useState("");
  const field = useRef(null);
  useEffect(() => field.current.focus(), []);
  const wanted = text.trim().toLocaleLowerCase();
  const found = places.filter(({ name }) => name.toLocaleLowerCase().includes(wanted));
  const isNew = wanted && !places.some(({ name }) => name.toLocaleLowerCase() === wanted);
  function done(event) {
    event.preventDefault();
    if (!wanted) return;
    const lower = ({ name }) => name.toLocaleLowerCase();
    const meant = found.find((one) => lower(one) === wanted) || found.find((one) => lower(one).startsWith(wanted));
    if (meant) move(meant.key);
    else if (isNew) make(text.trim());
  }
  return html`
    <${Dialog} title=${t("collect.move_count", { count })} close=${close}>
      <form onSubmit=${done}>
        <input ref=${field} type="text" aria-label=${t("collect.move_where")} placeholder=${t("collect.move_where")} autocomplete="off" value=${text} onInput=${(event) => write(event.target.value)} />
      </form>
      <ul class="places">
        ${found.map(
          ({ key, name, count: held }) => html`
            <li key=${key}><button onClick=${() => move(key)}><span>${name}</span><small>${held}</small></button></li>
          `,
        )}
        ${isNew && html`<li key="new"><button onClick=${() => make(text.trim())}>${t("collect.new_label", { name: text.trim() })}</button></li>`}
      </ul>
    </${Dialog}>
  `;
}
