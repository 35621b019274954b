// From rounds to medians, spreads and ratios, and to tables.

import { metrics, scenarios } from './scenarios.mjs';
import { servers } from './servers.mjs';

export function median(values) {
    const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    if (sorted.length === 0) return NaN;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const metricOf = (id) => metrics[scenarios[id].metric ?? 'cpu'];

const isPeer = (name) => !['signalbox', 'nginx', 'floor'].includes(name);

function summarizeServer(id, name, rounds) {
    const metric = metricOf(id);
    const good = rounds.filter((round) => round.reason === undefined);
    if (good.length === 0) return { name, reason: rounds[0]?.reason ?? 'not measured' };
    const values = rounds.map((round) => (round[metric.member] ?? NaN) * (metric.scale ?? 1));
    const known = values.filter(Number.isFinite);
    const of = (member) => median(good.map((round) => round[member] ?? NaN));
    return {
        name, values, value: median(known), least: Math.min(...known), most: Math.max(...known),
        failed: rounds.length - good.length,
        cpu: of('cpuMicrosecondsPerOperation'),
        perSecond: of('operationsPerSecond'), p50: of('p50Microseconds'), p99: of('p99Microseconds'),
        p999: of('p999Microseconds'), resident: of('residentBytes'),
        busy: median(good.map((round) => round.cpuSeconds / round.seconds)),
        stolen: Math.max(...good.map((round) => round.stolen ?? 0)),
    };
}

/// Ratios are taken round by round, then their median: what drifts in the machine cancels out.
function ratio(own, other) {
    return other?.values ? median(own.values.map((value, round) => value / other.values[round])) : NaN;
}

/// @return [{id, rows: [{name, value, least, most, toFloor, toBest, …} or {name, reason}]}]
export function summarize(results) {
    return Object.entries(results).map(([id, byServer]) => {
        const rows = Object.entries(byServer).map(([name, rounds]) => summarizeServer(id, name, rounds));
        const floor = rows.find((row) => row.name === 'floor');
        const best = rows.filter((row) => isPeer(row.name) && row.values).sort((a, b) => a.value - b.value)[0];
        for (const row of rows.filter((one) => one.values)) {
            row.toFloor = ratio(row, floor);
            row.toBest = ratio(row, best);
        }
        return { id, rows };
    });
}

export const number = (value, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : '–');

const headings = ['scenario', 'server', 'median', 'spread', 'unit', '× floor', '× best peer', 'ops/s', 'p50 µs', 'p99 µs', 'p99.9 µs', 'RSS MB', 'busy'];

function rowCells(id, row) {
    const { unit, digits } = metricOf(id);
    const { title } = servers[row.name];
    const what = `${unit}/${scenarios[id].operation}`;
    if (row.reason) return [id, title, '-', row.reason, what, ...Array(headings.length - 5).fill('')];
    const spread = `${number(row.least, digits)}–${number(row.most, digits)}${row.failed ? `, ${row.failed} failed` : ''}`;
    return [
        id, title, number(row.value, digits), spread, what, number(row.toFloor), number(row.toBest),
        number(row.perSecond, 0), number(row.p50, 0), number(row.p99, 0), number(row.p999, 0),
        number(row.resident / 2 ** 20, 1), Number.isFinite(row.busy) ? `${number(row.busy * 100, 0)} %` : '–',
    ];
}

function markdown(rows) {
    const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
    const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
    return [line(rows[0]), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.slice(1).map(line)].join('\n');
}

export function resultTable(summaries) {
    const table = markdown([headings, ...summaries.flatMap(({ id, rows }) => rows.map((row) => rowCells(id, row)))]);
    const stolen = Math.max(...summaries.flatMap(({ rows }) => rows.map((row) => row.stolen ?? 0)));
    return stolen > 0.02 ? `${table}\n\nThe hypervisor took up to ${number(stolen * 100, 1)} % of the time: numbers are doubtful.` : table;
}

/// Each line of the budget: met or not, by how much. Empty when nothing with a budget was measured.
export function budgetTable(summaries) {
    const rows = summaries.flatMap(({ id, rows: measured }) => {
        const { budget, title } = scenarios[id];
        const own = measured.find((row) => row.name === 'signalbox');
        if (!budget || !own?.values) return [];
        const value = budget.floor ? own.toFloor : own.value;
        const most = budget.floor ?? budget.most;
        const unit = budget.floor ? '× floor' : metricOf(id).unit;
        const verdict = Number.isFinite(value) ? `${value <= most ? 'met' : 'missed'}, ${number((value / most) * 100, 0)} % of it` : 'no floor to compare with';
        return [[title, `${most} ${unit}`, `${number(value)} ${unit}`, verdict]];
    });
    return rows.length > 0 ? markdown([['budget', 'at most', 'measured', ''], ...rows]) : '';
}
