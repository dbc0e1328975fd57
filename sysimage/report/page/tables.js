/* Cells are texts or elements; `right` are the columns of numbers. */
function table(headers, rows, right, caption) {
  const kind = (column) => (right.includes(column) ? 'number' : 'long');
  return el('table', {},
    ...(caption ? [el('caption', { class: 'hidden' }, caption)] : []),
    el('thead', {}, el('tr', {}, ...headers.map((header, column) => el('th', { scope: 'col', class: kind(column) }, header)))),
    el('tbody', {}, ...rows.map((row) => el('tr', {}, ...row.map((cell, column) => el('td', { class: kind(column) }, cell))))));
}

const COLUMNS = [
  ['name', (item) => item.name, false], ['version', (item) => item.version, false],
  ['licences', (item) => item.licences.join(', '), false], ['size', (item) => item.size, true],
  ['keeps alive', (item) => item.retained, true], ['an update pulls', (item) => item.moved, true],
  ['layer', (item) => item.layer, true],
];

function packageTable() {
  const rows = items.map((item, at) => {
    const cells = [itemButton(at, item.name), item.version, el('div', { title: item.licences.join(', ') }, item.licences.join(', ')),
      bytes(item.size), bytes(item.retained), bytes(item.moved), String(item.layer || '')];
    const row = el('tr', {}, ...cells.map((cell, column) => el('td', {
      class: COLUMNS[column][2] ? 'number' : column === 2 ? 'long clip' : 'long' }, cell)));
    return { at, row, text: [item.name, item.version, item.source, ...item.licences].join('\n').toLowerCase() };
  });
  const body = el('tbody', {});
  const heads = COLUMNS.map(([title, , isNumber], column) => el('th', { scope: 'col', class: isNumber ? 'number' : '' },
    el('button', { type: 'button', onclick: () => sort(column) }, title)));
  let sorted = null;
  let ascending = true;
  const sort = (column, up) => {
    ascending = up ?? (sorted === column ? !ascending : !COLUMNS[column][2]);
    sorted = column;
    const key = COLUMNS[column][1];
    rows.sort((one, other) => {
      const [a, b] = [key(items[one.at]), key(items[other.at])];
      const order = COLUMNS[column][2] ? a - b : a < b ? -1 : a > b ? 1 : 0;
      return (ascending ? order : -order) || one.at - other.at;
    });
    body.replaceChildren(...rows.map((one) => one.row));
    heads.forEach((head, index) => {
      if (index === column) head.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    });
  };
  const search = () => {
    const words = byId('search').value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((one) => {
      const fits = words.every((word) => one.text.includes(word));
      one.row.hidden = !fits;
      count += fits ? 1 : 0;
    });
    byId('found').textContent = words.length ? `${count} of ${items.length}` : '';
  };
  sort(3, false);
  byId('search').addEventListener('input', search);
  byId('packages').replaceChildren(el('table', {}, el('thead', {}, el('tr', {}, ...heads)), body));
}

function layerTable() {
  const held = report.layers.map(() => 0);
  items.forEach((item) => { if (item.layer) held[item.layer - 1] += 1; });
  const rows = report.layers.map((layer, index) => [
    String(index + 1), bytes(layer.size), String(held[index]),
    layer.moves_always ? 'every update' : layer.pulls_per_year === null ? '' : layer.pulls_per_year.toFixed(1),
    layer.holds, layer.reason,
  ]);
  const size = report.kind === 'plan' ? 'size, not compressed' : 'size, as pulled';
  byId('layers').replaceChildren(table(['layer', size, 'items', 'pulls a year, estimated', 'holds', 'why together'], rows, [0, 1, 2, 3]));
}

function wasteParts() {
  const { duplicates, lacking } = report;
  const hidden = report.layers.map((layer, index) => [index + 1, layer.hidden]).filter(([, size]) => size > 0);
  const parts = [];
  if (report.left_out !== null) {
    const left = report.left_out.reduce((sum, one) => sum + one.size, 0);
    parts.push(el('h3', {}, 'What slim items lack of their packages'));
    parts.push(el('p', {}, report.left_out.length ? `${bytes(left)}, not compressed. “sysimage plan --left-out --json” lists every file.`
      : 'Nothing is left out.'));
    const rows = report.left_out.map((one) => [itemButton(one.item), one.what, String(one.files), bytes(one.size)]);
    if (rows.length) parts.push(folded(rows, 25, (shown) => table(['item', 'what', 'files', 'bytes'], shown, [2, 3])));
  }
  if (report.kind === 'plan') return [...parts, el('p', {}, 'What files hold is known only once an image is built.')];
  parts.push(el('h3', {}, 'Contents that are there more than once'));
  parts.push(el('p', {}, duplicates.contents
    ? `${counted(duplicates.contents, 'content is', 'contents are')} in several files: ${bytes(duplicates.wasted)} `
      + 'beyond the first, not compressed. Files that are one file under several names do not count.'
    : 'There are none of 512 bytes or more.'));
  if (duplicates.largest.length) {
    const rows = duplicates.largest.map((one) => {
      const list = el('details', {}, el('summary', {}, one.paths[0]));
      const more = one.files - one.paths.length;
      list.append(...one.paths.slice(1).map((path) => el('div', {}, path)), more > 0 ? `and ${more} more` : '');
      return [bytes(one.wasted), bytes(one.size), String(one.files), list];
    });
    parts.push(folded(rows, 25, (shown) => table(['beyond the first', 'each', 'files', 'paths'], shown, [0, 1, 2])));
  }
  parts.push(el('h3', {}, 'Files that layers above replace or remove'));
  parts.push(el('p', {}, hidden.length ? hidden.map(([number, size]) => `layer ${number}: ${bytes(size)}`).join('; ')
    : 'There are none: every byte that is pulled is to be seen.'));
  if (lacking.length) {
    const left = lacking.reduce((sum, one) => sum + one.package - one.size, 0);
    parts.push(el('h3', {}, 'What slim items lack of their packages'));
    parts.push(el('p', {}, `About ${bytes(left)} in ${counted(lacking.length, 'item', 'items')}, by the installed size `
      + 'that Debian declares. “sysimage plan --left-out” lists every file.'));
    const rows = lacking.map((one) => [itemButton(one.item), bytes(one.package), bytes(one.size), bytes(one.package - one.size)]);
    parts.push(folded(rows, 25, (shown) => table(['item', 'package', 'here', 'left out, about'], shown, [1, 2, 3])));
  }
  return parts;
}

/* The first rows, and a button for the others. */
function folded(rows, most, make) {
  const place = el('div', { class: 'scroll' }, make(rows.slice(0, most)));
  if (rows.length > most) {
    const more = el('button', { type: 'button', class: 'link', onclick: () => place.replaceChildren(make(rows)) },
      counted(rows.length - most, 'more row', 'more rows'));
    place.append(more);
  }
  return place;
}

function differenceParts() {
  const found = report.difference;
  if (found === null) return;
  byId('difference-section').hidden = false;
  const kinds = {};
  found.changes.forEach((change) => { kinds[change.kind] = (kinds[change.kind] || 0) + 1; });
  const counts = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`).join(', ') || 'no item differs';
  const exact = report.kind === 'plan' ? ' (not compressed)' : '';
  const parts = [el('p', {}, `From ${found.other} to ${report.name}: ${counts}. A client of the first pulls `
    + `${bytes(found.pulled)}${exact} and keeps ${counted(found.kept_layers, 'layer', 'layers')} of ${bytes(found.kept)}.`)];
  if (found.changes.length) {
    const rows = found.changes.map((change) => [change.name, el('span', { class: change.kind }, change.kind),
      change.before, change.after, (change.size > 0 ? '+' : '') + bytes(change.size)]);
    parts.push(folded(rows, 100, (shown) => table(['item', 'change', 'before', 'after', 'bytes'], shown, [4])));
  }
  if (found.all_files) {
    parts.push(el('h3', {}, `Files of no item (${found.all_files})`));
    parts.push(folded(found.files, 50, (shown) => table(['change', 'path'], shown, [])));
  }
  byId('difference').replaceChildren(...parts);
}
