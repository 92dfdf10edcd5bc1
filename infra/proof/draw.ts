/** The graph as a picture, drawn from the template and from nothing else. */
import { INTERNET, read, type Edge, type Graph, type Kind, type Node, type Template } from './graph.ts';
import { violations } from './prove.ts';

/** Something in the picture, by column and row. */
interface Box {
  readonly column: number;
  readonly row: number;
  readonly label: string;
  readonly detail: string;
  readonly fill: string;
  readonly isInside: boolean;
}

const [WIDTH, HEIGHT] = [170, 52];
const [LEFT, TOP] = [20, 96];
const [COLUMN, ROW] = [235, 96];
const LAST_COLUMN = 4;

/** Columns from outside to inside. */
const COLUMNS: Record<Kind, number> = {
  internet: 0,
  provider: 1,
  gateway: 1,
  function: 2,
  endpoint: 3,
  proxy: 3,
  database: LAST_COLUMN,
};
const LABELS: Record<Kind, string> = {
  internet: 'Internet',
  provider: 'CloudFormation',
  gateway: 'API Gateway',
  function: 'Lambda',
  endpoint: 'Secrets Manager',
  proxy: 'RDS Proxy',
  database: 'Postgres',
};
const SUBNETS = {
  internet: { name: 'public subnets', fill: '#fdf1dc' },
  nat: { name: 'private subnets', fill: '#e6effd' },
  none: { name: 'isolated subnets', fill: '#ebe5f7' },
};
/** The NAT gateways stand between the functions, so that no arrow crosses another. */
const NAT = 'NAT';
const NAT_ROW = 1;

export function draw(template: Template, title: string): string {
  const graph = read(template);
  const boxes = place(graph, template);
  const rows = Math.max(...[...boxes.values()].map(({ row }) => row)) + 1;
  const [width, height] = [2 * LEFT + LAST_COLUMN * COLUMN + WIDTH + 10, TOP + rows * ROW];
  const found = violations(template);
  const verdict =
    found.length === 0 ? 'Every rule of infra/proof/prove.ts holds.' : `${found.length} rules are broken.`;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#445"/></marker></defs>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="20" y="26" font-size="16" font-weight="bold">${escape(title)}</text>`,
    `<text x="20" y="46" fill="#556">Who may open a connection to whom, read from the synthesized template. ${escape(verdict)}</text>`,
    frame(boxes),
    ...arrows(graph, boxes),
    ...[...boxes.values()].map(rectangle),
    '</svg>',
  ];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}

function place(graph: Graph, template: Template): Map<string, Box> {
  const boxes = new Map<string, Box>();
  const kinds = new Map(graph.nodes.map(({ id, kind }) => [id, kind]));
  const served = new Set(graph.edges.filter(({ from }) => kinds.get(from) === 'gateway').map(({ to }) => to));
  let free = NAT_ROW + 1;
  const put = (node: Node, row: number) =>
    boxes.set(node.id, { column: COLUMNS[node.kind], row, ...look(node, graph, template) });
  for (const node of graph.nodes) {
    // Beside what it calls, below.
    if (node.kind === 'provider') continue;
    if (node.kind === 'function' && !served.has(node.id)) put(node, free++);
    else put(node, node.kind === 'endpoint' ? NAT_ROW : 0);
  }
  for (const node of graph.nodes.filter(({ kind }) => kind === 'provider')) {
    const called = graph.edges.find(({ from }) => from === node.id)?.to;
    put(node, boxes.get(called ?? '')?.row ?? free);
  }
  if (graph.nats.size > 0) {
    const exits = new Set(
      [...graph.nats.values()].map((subnet) => graph.subnets.get(subnet)?.exit ?? 'none'),
    );
    boxes.set(NAT, {
      column: COLUMNS.function,
      row: NAT_ROW,
      label: graph.nats.size === 1 ? 'NAT gateway' : `${graph.nats.size} NAT gateways`,
      detail: [...exits].map((exit) => SUBNETS[exit].name).join(', '),
      fill: SUBNETS[[...exits][0] ?? 'none'].fill,
      isInside: true,
    });
  }
  return boxes;
}

function look(node: Node, graph: Graph, template: Template) {
  const handler = template.Resources[node.id]?.Properties?.['Handler'];
  const label = node.kind === 'function' ? `${LABELS.function} ${String(handler)}` : LABELS[node.kind];
  if (node.subnets.length === 0) {
    const detail = node.id === INTERNET ? 'anyone' : 'outside of the VPC';
    return { label, detail, fill: '#f4f4f6', isInside: false };
  }
  const exits = [...new Set(node.subnets.map((subnet) => graph.subnets.get(subnet)?.exit ?? 'none'))];
  const detail = exits.map((exit) => SUBNETS[exit].name).join(', ');
  return { label, detail, fill: SUBNETS[exits[0] ?? 'none'].fill, isInside: true };
}

/** The VPC, around everything that stands in a subnet. */
function frame(boxes: ReadonlyMap<string, Box>): string {
  const inside = [...boxes.values()].filter(({ isInside }) => isInside);
  const corners = inside.map(corner);
  const [left, top] = [Math.min(...corners.map(({ x }) => x)) - 12, TOP - 32];
  const right = Math.max(...corners.map(({ x }) => x)) + WIDTH + 12;
  const bottom = Math.max(...corners.map(({ y }) => y)) + HEIGHT + 18;
  return [
    `<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" rx="10" fill="#fafbfe" stroke="#99a" stroke-dasharray="5 4"/>`,
    `<text x="${left + 12}" y="${top + 19}" fill="#556" font-weight="bold">VPC</text>`,
  ].join('');
}

function corner({ column, row }: Box): { x: number; y: number } {
  return { x: LEFT + column * COLUMN, y: TOP + row * ROW };
}

function rectangle(box: Box): string {
  const { x, y } = corner(box);
  return [
    `<rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="6" fill="${box.fill}" stroke="#445"/>`,
    `<text x="${x + WIDTH / 2}" y="${y + 22}" text-anchor="middle" font-weight="bold">${escape(box.label)}</text>`,
    `<text x="${x + WIDTH / 2}" y="${y + 40}" text-anchor="middle" fill="#556" font-size="11">${escape(box.detail)}</text>`,
  ].join('');
}

/** What goes out by NAT goes to it, and from there out once for all. */
function arrows(graph: Graph, boxes: ReadonlyMap<string, Box>): string[] {
  const byNat = graph.edges.filter(({ nat }) => nat);
  const toNat = byNat.map((edge) => ({ ...edge, to: NAT }));
  const out = byNat.slice(0, 1).map((edge) => ({ ...edge, from: NAT }));
  const direct = graph.edges.filter(({ nat }) => !nat);
  return [...direct, ...toNat, ...out].map((edge) => arrow(edge, boxes));
}

function arrow({ from, to, how }: Edge, boxes: ReadonlyMap<string, Box>): string {
  const [source, target] = [boxes.get(from), boxes.get(to)];
  if (!source || !target) return '';
  const [start, end] = [corner(source), corner(target)];
  const middle = { x: end.x + WIDTH / 2, y: start.y + HEIGHT / 2 };
  if (source.column === target.column) {
    const [y1, y2] = start.y < end.y ? [start.y + HEIGHT, end.y] : [start.y, end.y + HEIGHT];
    return line(`M${middle.x} ${y1}V${y2}`, how, middle.x + 18, (y1 + y2) / 2 + 4);
  }
  const right = end.x > start.x;
  const x1 = right ? start.x + WIDTH : start.x;
  if (source.row === target.row) {
    const x2 = right ? end.x : end.x + WIDTH;
    return line(`M${x1} ${middle.y}H${x2}`, how, (x1 + x2) / 2, middle.y - 6);
  }
  if (source.row > target.row) {
    // Along its own row, and up into what it calls.
    return line(`M${x1} ${middle.y}H${middle.x}V${end.y + HEIGHT}`, how, (x1 + middle.x) / 2, middle.y - 6);
  }
  const [x2, y2] = [right ? end.x : end.x + WIDTH, end.y + HEIGHT / 2];
  return line(`M${x1} ${middle.y}L${x2} ${y2}`, how, (x1 + x2) / 2, (middle.y + y2) / 2 - 6);
}

function line(path: string, label: string, x: number, y: number): string {
  return `<path d="${path}" fill="none" stroke="#445" marker-end="url(#arrow)"/><text x="${x}" y="${y}" text-anchor="middle" font-size="11">${escape(label)}</text>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
