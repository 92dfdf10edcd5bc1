/** The graph as a picture, drawn from the template and from nothing else. */
import { INTERNET, read, type Edge, type Graph, type Kind, type Node, type Template } from './graph.ts';
import { violations } from './prove.ts';

interface Box {
  readonly x: number;
  readonly y: number;
  readonly label: string;
  readonly detail: string;
}

const [WIDTH, HEIGHT] = [170, 52];
/** Columns from outside to inside. */
const COLUMNS: Record<Kind, number> = {
  internet: 0,
  provider: 1,
  gateway: 1,
  function: 2,
  endpoint: 3,
  proxy: 3,
  database: 4,
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

export function draw(template: Template, title: string): string {
  const graph = read(template);
  const boxes = place(graph, template);
  const rows = Math.max(...[...boxes.values()].map(({ y }) => y)) + HEIGHT + 70;
  const found = violations(template);
  const verdict =
    found.length === 0 ? 'Every rule of infra/proof/prove.ts holds.' : `${found.length} rules are broken.`;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="1120" height="${rows}" viewBox="0 0 1120 ${rows}" font-family="sans-serif" font-size="13">`,
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#445"/></marker></defs>',
    `<rect width="1120" height="${rows}" fill="#fff"/>`,
    `<text x="20" y="26" font-size="16" font-weight="bold">${escape(title)}</text>`,
    `<text x="20" y="46" fill="#556">Who may open a connection to whom, read from the synthesized template. ${escape(verdict)}</text>`,
    ...graph.edges.map((edge) => arrow(edge, boxes)),
    ...[...boxes].map(([id, box]) =>
      rectangle(
        box,
        graph.nodes.find((node) => node.id === id),
      ),
    ),
    '</svg>',
  ];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}

function place(graph: Graph, template: Template): Map<string, Box> {
  const heights = new Map<number, number>();
  const boxes = new Map<string, Box>();
  for (const node of graph.nodes) {
    const column = COLUMNS[node.kind];
    const row = heights.get(column) ?? 0;
    heights.set(column, row + 1);
    boxes.set(node.id, { x: 20 + column * 225, y: 80 + row * 110, ...text(node, graph, template) });
  }
  return boxes;
}

function text(node: Node, graph: Graph, template: Template): { label: string; detail: string } {
  const handler = template.Resources[node.id]?.Properties?.['Handler'];
  const label = node.kind === 'function' ? `${LABELS.function} ${String(handler)}` : LABELS[node.kind];
  if (node.subnets.length === 0)
    return { label, detail: node.id === INTERNET ? 'anyone' : 'outside of the VPC' };
  const exits = new Set(node.subnets.map((subnet) => graph.subnets.get(subnet)?.exit));
  const names = { internet: 'public subnets', nat: 'private subnets', none: 'isolated subnets' };
  return { label, detail: [...exits].map((exit) => names[exit ?? 'none']).join(', ') };
}

function rectangle({ x, y, label, detail }: Box, node: Node | undefined): string {
  const fill = node && node.subnets.length > 0 ? '#e8f0fe' : '#f4f4f6';
  return [
    `<rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="6" fill="${fill}" stroke="#445"/>`,
    `<text x="${x + WIDTH / 2}" y="${y + 22}" text-anchor="middle" font-weight="bold">${escape(label)}</text>`,
    `<text x="${x + WIDTH / 2}" y="${y + 40}" text-anchor="middle" fill="#556" font-size="11">${escape(detail)}</text>`,
  ].join('');
}

function arrow({ from, to, how, nat }: Edge, boxes: ReadonlyMap<string, Box>): string {
  const [start, end] = [boxes.get(from), boxes.get(to)];
  if (!start || !end) return '';
  const label = nat ? `${how} by NAT` : how;
  if (end.x <= start.x) {
    // Back to the left: below everything, so that it crosses no other.
    const [x1, x2] = [start.x + WIDTH / 2, end.x + WIDTH / 2];
    const low = Math.max(...[...boxes.values()].map(({ y }) => y)) + HEIGHT + 24 + (start.y - 80) / 10;
    const path = `M${x1} ${start.y + HEIGHT}V${low}H${x2}V${end.y + HEIGHT}`;
    return `<path d="${path}" fill="none" stroke="#445" marker-end="url(#arrow)"/><text x="${(x1 + x2) / 2}" y="${low - 4}" text-anchor="middle" font-size="11">${label}</text>`;
  }
  const [x1, y1, x2, y2] = [start.x + WIDTH, start.y + HEIGHT / 2, end.x, end.y + HEIGHT / 2];
  return `<path d="M${x1} ${y1}L${x2} ${y2}" stroke="#445" marker-end="url(#arrow)"/><text x="${(x1 + x2) / 2}" y="${(y1 + y2) / 2 - 6}" text-anchor="middle" font-size="11">${label}</text>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
