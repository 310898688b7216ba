// What the model takes for what: a table whose cells open onto their pictures; of many labels, the
// pairs confused most.
import { html, useRef, useState } from "../vendor/preact.js";
import { t } from "../words.js";
import { byRow, led } from "./matrix.js";

const words = (labels, cell) => {
  const values = { n: cell.n, label: labels[cell.label], predicted: labels[cell.predicted] };
  return cell.label === cell.predicted ? t("mend.cell_right", values) : t("mend.cell_wrong", values);
};

/** `open` is the cell whose pictures are shown; `choose` is called with another. */
export function Confusion({ found, open, choose }) {
  return found.as_matrix
    ? html`<${Matrix} found=${found} open=${open} choose=${choose} />`
    : html`<${Pairs} found=${found} open=${open} choose=${choose} />`;
}

const same = (one, other) => one && other && one.label === other.label && one.predicted === other.predicted;

function Matrix({ found, open, choose }) {
  const { labels, cells } = found;
  const rows = byRow(cells);
  const table = useRef(null);
  const first = cells.find((one) => one.label !== one.predicted) || cells[0];
  const [last, goTo] = useState(null);
  const at = cells.find((one) => same(one, last)) || cells.find((one) => same(one, open)) || first;
  const keyed = (event) => {
    const next = led(cells, at, event.key);
    if (next === at) return;
    event.preventDefault();
    event.stopPropagation();
    goTo(next);
    table.current.querySelector(`[data-cell="${next.label}-${next.predicted}"]`).focus();
  };
  const cellAt = (i, j) => {
    const cell = rows.get(i) && rows.get(i).get(j);
    if (!cell) return html`<td key=${j}><span class="soft">0</span></td>`;
    return html`
      <td key=${j} class=${i === j ? "right" : `shade${cell.shade}`}>
        <button
          class="quiet" data-cell=${`${i}-${j}`} tabindex=${same(cell, at) ? 0 : -1} aria-label=${words(labels, cell)}
          aria-pressed=${Boolean(same(cell, open))} onFocus=${() => goTo(cell)} onClick=${() => choose(cell)}
        >${cell.n}</button>
      </td>
    `;
  };
  return html`
    <div class="scrolls">
      <table class=${labels.length > 6 ? "matrix many" : "matrix"} ref=${table} onKeyDown=${keyed}>
        <caption class="soft">${t("mend.matrix_caption")}</caption>
        <thead>
          <tr><td></td>${labels.map((label) => html`<th key=${label} scope="col" title=${label}><span>${label}</span></th>`)}</tr>
        </thead>
        <tbody>
          ${labels.map(
            (label, i) => html`<tr key=${label}><th scope="row" title=${label}>${label}</th>${labels.map((_, j) => cellAt(i, j))}</tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

function Pairs({ found, open, choose }) {
  const { labels, cells } = found;
  if (!cells.length) return html`<p class="soft">${t("mend.nothing_confused")}</p>`;
  return html`
    <p class="soft">${t("mend.pairs", { labels: labels.length, n: cells.length })}</p>
    <ol class="pairs">
      ${cells.map(
        (cell) => html`
          <li key=${`${cell.label}-${cell.predicted}`}>
            <button class="quiet" aria-pressed=${Boolean(same(cell, open))} onClick=${() => choose(cell)}>${words(labels, cell)}</button>
          </li>
        `,
      )}
    </ol>
  `;
}
