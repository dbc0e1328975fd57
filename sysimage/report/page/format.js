const report = JSON.parse(document.getElementById('report-data').textContent);
const byId = (id) => document.getElementById(id);

/* Sizes as the command line prints them: three digits that count, decimal units. */
function bytes(count) {
  if (count < 0) return '−' + bytes(-count);
  if (count < 1000) return count + ' B';
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = count / 1000;
  while (value >= 999.5 && units.length > 1) { value /= 1000; units.shift(); }
  return (value < 99.95 ? value.toFixed(1) : value.toFixed(0)) + ' ' + units[0];
}

const counted = (count, one, many) => count.toLocaleString('en') + ' ' + (count === 1 ? one : many);

/* An element with attributes and children; texts become text, never markup. */
function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children);
  return made;
}

const items = report.items;
const titled = (item) => item.name + (item.version ? ' ' + item.version : '');
const referrers = items.map(() => []);
items.forEach((item, at) => item.references.forEach((below) => referrers[below].push(at)));

let parsedFiles = null;
/* The files are read when the map first opens an item: they are most of a page's text. */
function files() {
  if (parsedFiles === null) parsedFiles = JSON.parse(byId('files-data').textContent);
  return parsedFiles;
}
