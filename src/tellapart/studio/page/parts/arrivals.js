// What is dropped, chosen or pasted: its files with their paths, and the label that a path says.

const PART = /^(?:train|test|val)(?:ing|idation|id)?(?:[-_ ]?(?:set|data))?$/i;
const TESTS = /^(?:test|val)/i;
const CLUTTER = /^(?:\.|__MACOSX$|Thumbs\.db$|desktop\.ini$|set-aside$)/i;

/**
 * [{label, part}] of files by their paths, each a list of names. A file alone has no label. Of a
 * folder that holds folders these are the labels, and a file beside them has none; one that holds
 * files alone is a label itself. Folders called train or test say what their files are for.
 */
export function placesOf(paths) {
  const deep = new Set(paths.filter((path) => path.length > 2).map(([root]) => root));
  return paths.map((path) => {
    const folders = path.slice(0, -1);
    const inner = deep.has(folders[0]) && !PART.test(folders[0]) ? folders.slice(1) : folders;
    const part = inner.some((name) => TESTS.test(name) && PART.test(name)) ? "test" : "learn";
    const label = inner.find((name) => !PART.test(name)) ?? "";
    return { label, part: label ? part : "learn" };
  });
}

const ARCHIVE = /\.(?:zip|tar|tgz|tar\.(?:gz|bz2|xz))$/i;

/** Whether a file is one that holds others, which the studio unpacks. */
export const isArchive = ({ name }) => ARCHIVE.test(name);

/** Whether a path leads to what a person put there, not to what a system left. */
export const isWanted = (path) => !path.some((name) => CLUTTER.test(name));

/** What lies under an entry goes into `found`; what the browser cannot read, into `lost`. */
async function walk(entry, above, found, lost) {
  const path = [...above, entry.name];
  try {
    await entered(entry, path, found, lost);
  } catch {
    lost.push({ path });
  }
}

async function entered(entry, path, found, lost) {
  if (entry.isFile) {
    found.push({ file: await new Promise((good, bad) => entry.file(good, bad)), path });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((good, bad) => reader.readEntries(good, bad));
    if (!some.length) return;
    for (const one of some) await walk(one, path, found, lost);
  }
}

/** [{file, path}] of what is dropped or pasted, with all that is in its folders; of what cannot be read, [{path}] goes into `lost`. */
export async function filesIn(transfer, lost = []) {
  // Both are there only until the event has been heard.
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const roots = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = [];
  for (const root of roots) {
    if (root instanceof File) found.push({ file: root, path: [root.name] });
    else if (root) await walk(root, [], found, lost);
  }
  return found.filter(({ path }) => isWanted(path));
}

/** [{file, path}] of what was chosen with an `<input type="file">`. */
export const filesOf = (input) =>
  [...input.files]
    .map((file) => ({ file, path: (file.webkitRelativePath || file.name).split("/") }))
    .filter(({ path }) => isWanted(path));
