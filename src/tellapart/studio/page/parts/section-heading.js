// The heading of one label in the grid: fold, rename, add pictures to it, take the label away.
import { html, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { t } from "../words.js";
import { Icon } from "./icon.js";

const PLUS = "M12 5v14M5 12h14";
const PEN = "m4 20 1-5L16 4l4 4L9 19zM13 7l4 4";

/** `rename`, `remove`, `add`, `record` and `unlabelled` are left out where a section has no such thing. */
export function SectionHeading({ section, fold, rename, remove, add, record, unlabelled }) {
  const [renaming, setRenaming] = useState(false);
  const folds = useRef(null);
  const { name, ids, folded } = section;
  if (renaming)
    return html`<${Rename} name=${name} end=${async (to, byKey) => {
      const renamed = !to || to === name || (await rename(to));
      if (renamed) setRenaming(false);
      if (renamed && byKey) setTimeout(() => folds.current?.focus());
      return renamed;
    }} />`;
  const begin = () => rename && setRenaming(true);
  return html`
    <h2 onDblClick=${begin}>
      <button ref=${folds} class="quiet fold" aria-expanded=${String(!folded)} onClick=${fold} onKeyDown=${(event) => event.key === "F2" && begin()}><span>${name}</span></button>
    </h2>
    <span class="count soft">${t("collect.count", { count: ids.length })}</span>
    <span class="does">
      ${unlabelled && html`<a class="button quiet" href="#/label">${t("collect.to_label")}</a>`}
      ${add && html`<button class="quiet" aria-label=${t("collect.add_to_label", { name })} title=${t("collect.add_to_label", { name })} onClick=${add}><${Icon} path=${PLUS} /><span>${t("collect.add_to")}</span></button>`}
      ${record && html`<button class="quiet" aria-label=${t("webcam.record_label", { name })} title=${t("webcam.record_label", { name })} onClick=${record}><${Icon} name="camera" /></button>`}
      ${rename && html`<button class="quiet" aria-label=${t("collect.rename_label", { name })} title="F2" onClick=${begin}><${Icon} path=${PEN} /><span>${t("collect.rename")}</span></button>`}
      ${remove && html`<button class="quiet" aria-label=${t("collect.remove_label", { name })} title=${t("collect.remove_means")} onClick=${remove}><${Icon} name="close" /><span>${t("collect.remove")}</span></button>`}
    </span>
  `;
}

function Rename({ name, end }) {
  const field = useRef(null);
  const ended = useRef(false);
  const once = async (to, byKey = true) => {
    if (ended.current) return;
    ended.current = true;
    ended.current = await end(to, byKey); // what was refused stays, to be put right
  };
  useLayoutEffect(() => {
    field.current.focus();
    field.current.select();
  }, []);
  return html`
    <form onSubmit=${(event) => {
      event.preventDefault();
      once(field.current.value.trim());
    }}>
      <input ref=${field} type="text" aria-label=${t("collect.new_name", { name })} defaultValue=${name} autocomplete="off" onBlur=${(event) => once(event.target.value.trim(), false)} onKeyDown=${(event) => event.key === "Escape" && once("")} />
    </form>
  `;
}
