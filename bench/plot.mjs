// Results as one SVG: a group of bars a scenario, each with its median and its spread. The longest
// bar of a group fills the width.

import { metricOf, number } from './report.mjs';
import { scenarios } from './scenarios.mjs';
import { servers } from './servers.mjs';

const width = 900, labels = 220, values = 200, bar = 16, gap = 26, head = 24, margin = 20, textLine = 14;
const colours = { floor: '#9aa0a6', signalbox: '#1a7f37' };
const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const text = (x, y, content, more = '') => `<text x="${x}" y="${y}" ${more}>${escape(content)}</text>`;

function drawRow(row, y, scale, digits) {
    const title = text(labels - 8, y + 12, servers[row.name].title, 'text-anchor="end"');
    if (row.reason) return [title, text(labels, y + 12, `– ${row.reason.slice(0, 80)}`, 'fill="#777"')];
    const middle = y + bar / 2;
    return [
        title,
        `<rect x="${labels}" y="${y + 2}" width="${(row.value * scale).toFixed(1)}" height="${bar - 4}" fill="${colours[row.name] ?? '#6b8fc9'}"/>`,
        `<path d="M${(labels + row.least * scale).toFixed(1)} ${middle}H${(labels + row.most * scale).toFixed(1)}" stroke="#222"/>`,
        text((labels + row.most * scale + 6).toFixed(1), y + 12, `${number(row.value, digits)}${Number.isFinite(row.toFloor) ? `  (${number(row.toFloor)} × floor)` : ''}`),
    ];
}

function drawScenario({ id, rows }, y) {
    const { unit, digits } = metricOf(id);
    const longest = Math.max(...rows.map((row) => row.most ?? 0), Number.MIN_VALUE);
    const scale = (width - labels - values) / longest;
    const title = `${scenarios[id].title}: ${unit} a ${scenarios[id].operation}, less is better`;
    return [text(margin, y + 14, title, 'font-weight="bold"'), ...rows.flatMap((row, i) => drawRow(row, y + head + i * bar, scale, digits))];
}

export function plot(summaries, machine) {
    const parts = [];
    let y = margin;
    for (const line of machine.text.match(/.{1,130}(?:\s|$)/g)) {
        parts.push(text(margin, y, line.trim(), 'fill="#555"'));
        y += textLine;
    }
    for (const summary of summaries) {
        y += gap;
        parts.push(...drawScenario(summary, y));
        y += head + summary.rows.length * bar;
    }
    const height = y + margin;
    return [
        `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">`,
        `<rect width="${width}" height="${height}" fill="#fff"/>`, ...parts, '</svg>', '',
    ].join('\n');
}
