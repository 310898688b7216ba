// Collect: labels, and the pictures under each.
import { html } from "../vendor/preact.js";
import { thumbnail } from "../api.js";
import { store, useStore } from "../store.js";

export function Collect() {
  useStore();
  const labels = ["", ...store.labels.map((one) => one.name)];
  const pictures = [...store.pictures.values()];
  return html`
    ${labels.map(
      (label) => html`
        <section key=${label} aria-label=${label}>
          <h2>${label}</h2>
          <div class="row">
            ${pictures
              .filter((one) => one.label === label && one.part !== "aside")
              .slice(0, 60)
              .map((one) => html`<img key=${one.id} loading="lazy" alt=${one.name} src=${thumbnail(one)} />`)}
          </div>
        </section>
      `,
    )}
  `;
}
