// The table of docs/protocol/deviations.md as rules, and the comparison of two transcripts by them.
//
// A row explains a difference when the lines that only the reference has match its third column and
// the lines that only we have its fourth: code spans, one a line, `*` for anything. A cell without
// code spans stands for no lines. The code span in the second column says in which conversations.

import { readFileSync } from 'node:fs';

const unescape = (text) => text.replaceAll('\\|', '|');
const spans = (cell) => [...cell.matchAll(/`` (.*?) ``|`([^`]+)`/g)].map(([, double, single]) => unescape(double ?? single));

/// A matcher of whole texts in which `*` stands for anything.
export function glob(pattern) {
    const source = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*');
    return new RegExp(`^${source}$`, 's');
}

/// @return the rules: {id, where, reference, ours, uses}
export function readDeviations(file) {
    const rows = readFileSync(file, 'utf8').split('\n').filter((line) => /^\| [a-z][a-z0-9-]* \|/.test(line));
    return rows.filter((row) => !/^\| id \|/.test(row)).map((row) => {
        const [id, what, reference, ours, why] = row.slice(1).split(/(?<!\\)\|/).map((cell) => cell.trim());
        if (!why) throw new Error(`${file}: ${id} does not say why`);
        return {
            id,
            where: spans(what).map(glob),
            reference: spans(reference).map(glob),
            ours: spans(ours).map(glob),
            uses: 0,
        };
    });
}

/// Lengths of the longest common subsequences of all tails.
function commonTails(a, b) {
    const table = Array.from({ length: a.length + 1 }, () => new Array(b.length + 1).fill(0));
    for (let i = a.length - 1; i >= 0; --i) {
        for (let j = b.length - 1; j >= 0; --j) {
            table[i][j] = a[i] === b[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
        }
    }
    return table;
}

/// Where two transcripts differ: [{reference: lines, ours: lines, at}].
export function differences(reference, ours) {
    const table = commonTails(reference, ours);
    const hunks = [];
    let open;
    const hunk = (at) => {
        if (!open) hunks.push((open = { at, reference: [], ours: [] }));
        return open;
    };
    let i = 0;
    let j = 0;
    while (i < reference.length || j < ours.length) {
        if (i < reference.length && j < ours.length && reference[i] === ours[j]) {
            open = undefined;
            ++i;
            ++j;
        } else if (j >= ours.length || (i < reference.length && table[i + 1][j] >= table[i][j + 1])) {
            hunk(i).reference.push(reference[i++]);
        } else {
            hunk(i).ours.push(ours[j++]);
        }
    }
    return hunks;
}

const matches = (patterns, lines) => patterns.every((pattern, i) => lines[i] !== undefined && pattern.test(lines[i]));

/// The rules that together explain a hunk from its first line to its last, or undefined.
function explanation(rules, reference, ours) {
    if (reference.length === 0 && ours.length === 0) return [];
    for (const rule of rules) {
        const used = rule.reference.length + rule.ours.length;
        if (used === 0 || !matches(rule.reference, reference) || !matches(rule.ours, ours)) continue;
        const rest = explanation(rules, reference.slice(rule.reference.length), ours.slice(rule.ours.length));
        if (rest) return [rule, ...rest];
    }
    return undefined;
}

/// The differences that no rule explains; counts the uses of those that do.
export function unexplained(rules, id, reference, ours) {
    const applicable = rules.filter((rule) => rule.where.some((where) => where.test(id)));
    return differences(reference, ours).filter((hunk) => {
        const found = explanation(applicable, hunk.reference, hunk.ours);
        found?.forEach((rule) => ++rule.uses);
        return !found;
    });
}
