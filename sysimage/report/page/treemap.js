/* The map: layers, the items in them, their directories and files, each as large as its bytes. */
const treeSize = (entry) => (entry.length === 3 || !Array.isArray(entry[1]) ? entry[1]
  : entry[1].reduce((sum, below) => sum + treeSize(below), 0));

function fileNode(entry, hue) {
  if (entry.length === 3) {
    return { label: counted(entry[0], 'smaller file', 'smaller files'), size: entry[1], hue, children: null };
  }
  if (!Array.isArray(entry[1])) return { label: entry[0], size: entry[1], hue, children: null };
  return { label: entry[0] + '/', size: treeSize(entry), hue,
    children: () => entry[1].map((below) => fileNode(below, hue)) };
}

function itemNode(at, hue) {
  const has = report.kind === 'image';
  return { label: titled(items[at]), size: items[at].size, hue, item: at,
    children: has ? () => files().items[at].map((entry) => fileNode(entry, hue)) : null };
}

function layerNodes() {
  const held = report.layers.map(() => []);
  const homeless = [];
  items.forEach((item, at) => (held[item.layer - 1] || homeless).push(at));
  const others = report.kind === 'image' ? files().layers : {};
  const nodes = report.layers.map((layer, index) => {
    const hue = index % 8;
    const rest = others[index + 1] || [];
    const restSize = rest.reduce((sum, entry) => sum + treeSize(entry), 0);
    const below = () => {
      const nodesBelow = held[index].map((at) => itemNode(at, hue));
      if (rest.length && !nodesBelow.length) return rest.map((entry) => fileNode(entry, hue));
      if (rest.length) {
        nodesBelow.push({ label: 'files of no item', size: restSize, hue,
          children: () => rest.map((entry) => fileNode(entry, hue)) });
      }
      return nodesBelow;
    };
    const size = held[index].reduce((sum, at) => sum + items[at].size, restSize);
    return { label: 'layer ' + (index + 1), size, hue, children: below };
  });
  if (homeless.length) {
    nodes.push({ label: 'in no layer', size: homeless.reduce((sum, at) => sum + items[at].size, 0), hue: 7,
      children: () => homeless.map((at) => itemNode(at, 7)) });
  }
  return nodes;
}

/* Squarified: rows along the shorter side, each as long as it keeps the rectangles near to squares. */
function squarified(nodes, x, y, width, height, place) {
  const rest = nodes.filter((node) => node.size > 0).sort((one, other) => other.size - one.size);
  let total = rest.reduce((sum, node) => sum + node.size, 0);
  let start = 0;
  while (start < rest.length && width > 0.5 && height > 0.5) {
    const side = Math.min(width, height);
    const scale = (width * height) / total;
    let sum = 0;
    let end = start;
    let worst = Infinity;
    while (end < rest.length) {
      const grown = (sum + rest[end].size) * scale;
      const most = Math.max((side * side * rest[start].size * scale) / (grown * grown),
        (grown * grown) / (side * side * rest[end].size * scale));
      if (most > worst) break;
      worst = most;
      sum += rest[end].size;
      end += 1;
    }
    const thickness = (sum * scale) / side;
    let at = 0;
    for (const node of rest.slice(start, end)) {
      const length = (node.size * scale) / thickness;
      if (width >= height) place(node, x, y + at, thickness, length);
      else place(node, x + at, y, length, thickness);
      at += length;
    }
    if (width >= height) { x += thickness; width -= thickness; } else { y += thickness; height -= thickness; }
    total -= sum;
    start = end;
  }
}

const SMALLEST = 4;
const LABEL = 16;
let trail = [];

function openMap(next, focus) {
  trail = next;
  drawMap();
  if (focus) (byId('map').querySelector('button') || byId('map')).focus();
}

function rectangle(node, path, x, y, width, height, isGroup) {
  const opens = node.children !== null;
  const named = node.label + ', ' + bytes(node.size);
  const button = el('button', {
    type: 'button', class: 'h' + node.hue + (isGroup ? ' group' : '') + (opens ? '' : ' leaf'), title: named,
    'aria-label': named, tabindex: -1,
    onclick: () => { if (node.item !== undefined) showItem(node.item, false); if (opens) openMap(path, true); },
  });
  Object.assign(button.style, { left: x + 'px', top: y + 'px', width: width + 'px', height: height + 'px' });
  if (width > 30 && height > 13) button.append(el('span', { class: 'label', 'aria-hidden': 'true' }, named));
  byId('map').append(button);
}

function drawMap() {
  const map = byId('map');
  map.replaceChildren();
  const here = trail[trail.length - 1];
  const nodes = here ? here.children() : layerNodes();
  const width = map.clientWidth;
  const height = map.clientHeight;
  squarified(nodes, 0, 0, width, height, (node, x, y, w, h) => {
    if (w < SMALLEST || h < SMALLEST) return;
    const path = [...trail, node];
    rectangle(node, path, x, y, w, h, true);
    if (node.children === null || w < 40 || h < 40) return;
    squarified(node.children(), x + 2, y + LABEL, w - 4, h - LABEL - 2, (below, left, top, wide, high) => {
      if (wide >= SMALLEST && high >= SMALLEST) rectangle(below, [...path, below], left, top, wide, high, false);
    });
  });
  const first = map.querySelector('button');
  if (first) first.tabIndex = 0;
  const crumbs = byId('crumbs');
  const steps = [{ label: report.name }, ...trail];
  crumbs.replaceChildren(...steps.flatMap((step, index) => {
    const last = index === steps.length - 1;
    const button = last ? el('strong', { 'aria-current': 'location' }, step.label)
      : el('button', { type: 'button', class: 'link', onclick: () => openMap(trail.slice(0, index), true) }, step.label);
    return index ? [' › ', button] : [button];
  }));
  const total = nodes.reduce((sum, node) => sum + node.size, 0) || 1;
  const rows = [...nodes].sort((one, other) => other.size - one.size).map((node) => [
    node.children === null ? node.label
      : el('button', { type: 'button', class: 'link', onclick: () => openMap([...trail, node], true) }, node.label),
    bytes(node.size), ((100 * node.size) / total).toFixed(1) + ' %',
  ]);
  byId('map-table').replaceChildren(table(['what', 'size', 'share'], rows, [1, 2]));
}

function mapKeys(event) {
  const buttons = [...byId('map').querySelectorAll('button')];
  const at = buttons.indexOf(document.activeElement);
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step && at >= 0) {
    const next = buttons[(at + step + buttons.length) % buttons.length];
    buttons[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    event.preventDefault();
  } else if ((event.key === 'Escape' || event.key === 'Backspace') && trail.length) {
    openMap(trail.slice(0, -1), true);
    event.preventDefault();
  }
}
