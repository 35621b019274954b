// Makes transcripts of two servers comparable. Only what must differ is touched: session, socket
// and private ids, offsets, and dates. (Headers come sorted by name from steps.mjs.)

const dates = /(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g;

/// @param run  a Run of steps.mjs
export function normalise({ lines, secrets }) {
    const count = {};
    const names = new Map();
    for (const [secret, kind] of secrets) {
        if (names.has(secret)) continue;
        count[kind] = (count[kind] ?? 0) + 1;
        names.set(secret, `<${kind} ${count[kind]}>`);
    }
    // The longest first: one id may contain another.
    const ordered = [...names].sort(([a], [b]) => b.length - a.length);
    return lines.map((line) => {
        const named = ordered.reduce((text, [secret, name]) => text.replaceAll(secret, name), line);
        return named.replace(dates, '<date>');
    });
}
