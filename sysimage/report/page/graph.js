/* Why an item is there: the tree of dominators, and for a chosen item the ways that lead to it. */
const dominated = items.map(() => []);
const tops = [];
items.forEach((item, at) => (item.dominator === null ? tops : dominated[item.dominator]).push(at));
const byRetained = (one, other) => items[other].retained - items[one].retained || one - other;
[tops, ...dominated].forEach((list) => list.sort(byRetained));
const whole = Math.max(1, tops.reduce((sum, at) => sum + items[at].retained, 0));
const MOST_ROWS = 60;
const MOST_DRAWN = 36;

const itemButton = (at, label) => el('button', { type: 'button', class: 'link', onclick: () => showItem(at, true) },
  label ?? titled(items[at]));

function dominatorRow(at) {
  const item = items[at];
  const share = el('i', {});
  share.style.width = (100 * item.retained) / whole + '%';
  const row = [itemButton(at), el('span', { class: 'size' }, bytes(item.retained)),
    el('span', { class: 'bar', 'aria-hidden': 'true' }, share)];
  if (!dominated[at].length) return el('div', { class: 'row bare' }, ...row);
  const below = el('div', { class: 'below', hidden: true });
  const opener = el('button', { type: 'button', class: 'opener', 'aria-expanded': 'false', onclick: () => {
    below.hidden = !below.hidden;
    opener.setAttribute('aria-expanded', String(!below.hidden));
    if (!below.hidden && !below.childElementCount) below.append(...dominatorRows(dominated[at]));
  } });
  opener.setAttribute('aria-label', 'what ' + titled(item) + ' keeps');
  return el('div', {}, el('div', { class: 'row' }, opener, ...row), below);
}

function dominatorRows(list) {
  const rows = list.slice(0, MOST_ROWS).map(dominatorRow);
  if (list.length > MOST_ROWS) {
    const more = el('button', { type: 'button', class: 'link', onclick: () => {
      more.replaceWith(...list.slice(MOST_ROWS).map(dominatorRow));
    } }, counted(list.length - MOST_ROWS, 'more item', 'more items'));
    rows.push(more);
  }
  return rows;
}

function wayTo(at) {
  const way = [at];
  while (items[way[0]].way !== null) way.unshift(items[way[0]].way);
  return way;
}

/* Everything that leads to an item, a column for each step from a root; the nearest first where there is much. */
function drawing(at) {
  const levels = new Map();
  const isRoot = (one) => items[one].way === null;
  const above = (one) => referrers[one].filter((other) => !isRoot(other) || items[one].way === other || items[one].declared);
  const chosen = new Set(wayTo(at));
  let front = [at];
  while (front.length && chosen.size < MOST_DRAWN) {
    const next = front.flatMap(above).filter((one) => !chosen.has(one) || one === front[0]);
    const fresh = [...new Set(next)].filter((one) => !chosen.has(one)).slice(0, MOST_DRAWN - chosen.size);
    fresh.forEach((one) => chosen.add(one));
    front = front[0] === at ? [...new Set([...front.flatMap(above)])].filter((one) => one !== at) : fresh;
    if (!fresh.length && front.every((one) => above(one).every((other) => chosen.has(other)))) break;
  }
  /* The length of the longest way to the item, within what is drawn, is a column; circles end the search. */
  const depth = new Map([[at, 0]]);
  for (let round = 0; round < chosen.size; round += 1) {
    let changed = false;
    chosen.forEach((one) => {
      if (!depth.has(one) || depth.get(one) >= chosen.size) return;
      above(one).forEach((other) => {
        if (chosen.has(other) && other !== at && (depth.get(other) ?? -1) < depth.get(one) + 1) {
          depth.set(other, depth.get(one) + 1);
          changed = true;
        }
      });
    });
    if (!changed) break;
  }
  depth.forEach((steps, one) => levels.set(steps, [...(levels.get(steps) || []), one]));
  const columns = [...levels.entries()].sort((one, other) => other[0] - one[0]).map(([, list]) => list.sort(byRetained));
  const svg = (name, attributes, ...children) => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.append(...children);
    return made;
  };
  const wide = 150;
  const high = 26;
  const rows = Math.max(...columns.map((list) => list.length));
  const places = new Map();
  columns.forEach((list, column) => list.forEach((one, row) => {
    places.set(one, [column * (wide + 40) + 6, ((row + 0.5) * rows * (high + 8)) / list.length - high / 2 + 6]);
  }));
  const edges = [];
  places.forEach(([x, y], one) => above(one).forEach((other) => {
    if (!places.has(other) || other === one) return;
    const [fromX, fromY] = places.get(other);
    const [ax, ay, bx, by] = [fromX + wide, fromY + high / 2, x, y + high / 2];
    edges.push(svg('path', { d: `M${ax} ${ay} C${ax + 20} ${ay} ${bx - 20} ${by} ${bx} ${by}` }));
  }));
  const boxes = [...places].map(([one, [x, y]]) => {
    const name = items[one].name;
    const box = svg('g', { role: 'button', tabindex: 0, 'aria-label': titled(items[one]), class: one === at ? 'chosen' : '' },
      svg('rect', { x, y, width: wide, height: high, rx: 4 }),
      svg('text', { x: x + 7, y: y + 17 }, name.length > 21 ? name.slice(0, 20) + '…' : name),
      svg('title', {}, titled(items[one]) + ', ' + bytes(items[one].size)));
    box.addEventListener('click', () => showItem(one, true));
    box.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); showItem(one, true); }
    });
    return box;
  });
  const width = columns.length * (wide + 40) - 28;
  const height = rows * (high + 8) + 12;
  return svg('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'group',
    'aria-label': 'What leads to ' + titled(items[at]) }, ...edges, ...boxes);
}

function names(title, list) {
  if (!list.length) return [];
  const sorted = [...list].sort(byRetained);
  const shown = el('div', { class: 'names' }, ...sorted.slice(0, MOST_ROWS).map((at) => itemButton(at)));
  if (sorted.length > MOST_ROWS) {
    const more = el('button', { type: 'button', class: 'link', onclick: () => {
      more.replaceWith(...sorted.slice(MOST_ROWS).map((at) => itemButton(at)));
    } }, counted(sorted.length - MOST_ROWS, 'more item', 'more items'));
    shown.append(more);
  }
  return [el('h3', {}, `${title} (${list.length})`), shown];
}

let chosenItem = null;

/* Shows an item; moves the focus, and with it the view, where a reader has asked for it by name. */
function showItem(at, moves) {
  chosenItem = at;
  const item = items[at];
  const facts = [
    ['store path', el('code', {}, item.path)],
    ['layer', item.layer ? String(item.layer) : 'none'],
    ['size', bytes(item.size)],
    ['keeps alive', `${bytes(item.retained)} with what only it needs`],
    ['an update pulls', `${bytes(item.moved)} in ${counted(item.moved_layers, 'layer', 'layers')}`
      + (report.kind === 'plan' ? ', not compressed' : '') + `; ${counted(item.rebuilt, 'item is', 'items are')} made again`],
  ];
  if (item.declared) facts.push(['declared', 'the spec names it']);
  if (item.source && item.source !== item.name) facts.splice(1, 0, ['source package', item.source]);
  if (item.licences.length) facts.splice(1, 0, ['licences', item.licences.join(', ')]);
  byId('item').replaceChildren(
    el('h3', {}, titled(item)),
    el('dl', {}, ...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])),
    el('h3', {}, 'A shortest way to it'),
    el('ol', { class: 'way' }, ...wayTo(at).map((one) => el('li', {}, itemButton(one)))),
    el('h3', {}, 'What leads to it'),
    el('div', { class: 'drawing' }, drawing(at)),
    ...names('Only it keeps', dominated[at]),
    ...names('It refers to', item.references),
    ...names('Referred to by', referrers[at]),
  );
  const drawn = byId('item').querySelector('.drawing');
  drawn.scrollLeft = drawn.scrollWidth;
  history.replaceState(null, '', '#item/' + encodeURIComponent(item.name));
  if (moves) {
    byId('item').focus({ preventScroll: true });
    byId('item').scrollIntoView({ block: 'nearest' });
  }
}
