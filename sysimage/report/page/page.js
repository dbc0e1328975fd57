function start() {
  const isPlan = report.kind === 'plan';
  byId('name').textContent = report.name;
  const held = items.reduce((sum, item) => sum + item.size, 0);
  const numbers = [
    [bytes(report.size), isPlan ? 'in all layers, not compressed' : 'to pull, at first'],
    [String(report.layers.length), 'layers'], [String(items.length), 'store items'],
    [bytes(held), isPlan ? 'of items' : 'of files in items'],
  ];
  byId('numbers').replaceChildren(...numbers.map(([value, name]) => el('div', {}, el('b', {}, value), el('span', {}, name))));
  byId('facts').replaceChildren(...report.facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
  byId('bytes-about').textContent = isPlan
    ? 'Layers and the items in them, by the size of their contents. Choose one to look into it.'
    : 'Layers, the items in them, and their files, by uncompressed size. Choose one to look into it.';
  byId('why-about').textContent = 'Each item with the bytes that only it keeps in the image: without it, they would go too. '
    + 'A reference of the system to what another item needs anyway is not counted here, unless the spec names it.';
  byId('packages-about').textContent = 'An update of an item pulls every layer that holds it'
    + (report.propagates ? ' or an item that refers to it, directly or not,' : '') + ' and the layer with the store’s database.';
  byId('dominators').replaceChildren(...(items.length ? dominatorRows(tops) : [el('p', {}, 'The image has no store items.')]));
  byId('item').replaceChildren(el('p', {}, 'Choose an item, here or in the map or table, to see the way to it.'));
  packageTable();
  layerTable();
  byId('waste').replaceChildren(...wasteParts());
  differenceParts();
  const headings = [...document.querySelectorAll('main section:not([hidden]) > h2')];
  byId('sections').replaceChildren(...headings.map((heading) => el('a', { href: '#' + heading.id }, heading.textContent)));
  drawMap();
  byId('map').addEventListener('keydown', mapKeys);
  const firstOpen = document.querySelector('#dominators details');
  if (firstOpen) firstOpen.open = true;
  chooseFromAddress();
  window.addEventListener('hashchange', chooseFromAddress);
  let waiting = 0;
  window.addEventListener('resize', () => { clearTimeout(waiting); waiting = setTimeout(drawMap, 120); });
  window.addEventListener('beforeprint', drawMap);
  window.addEventListener('afterprint', drawMap);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

function chooseFromAddress() {
  const wanted = /^#item\/(.+)$/.exec(location.hash);
  if (!wanted) return;
  let name = wanted[1];
  try { name = decodeURIComponent(name); } catch { return; }
  const at = items.findIndex((item) => item.name === name);
  if (at >= 0 && at !== chosenItem) showItem(at, true);
}

start();
