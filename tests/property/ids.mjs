// Ids that are meant to be mistaken for each other, or for what stands around them.

const certain = ['a', 'a:', 'a:b', 'a%3Ab', '__proto__', '42'];
const parts = [
    'a', 'b', 'A', ':', '::', '/', '..', '%', '%25', '%3A', '%2f', '"', '\'', '\\', '\\u0061', '{', '}', '[', ']', ',', '*', '|', '~', '@', '.',
    '&', '=', '?', '#', '+', ';', '-', '<script>', '$', 'company:', 'user:', 'session:', 'artifact:', ':watch', 'null', 'true', '0', 'constructor',
    'é', 'e\u0301', 'ß', 'İ', '漢', '😀', '\u{10ffff}', '\ud7ff',
];

/// `count` different ones; the first are the same in each run. An id is at most 24 parts long.
export function hostileIds(random, count) {
    const ids = new Set(certain.slice(0, count));
    while (ids.size < count) ids.add(random.times(1, random.chance(0.05) ? 24 : 4, () => random.pick(parts)).join(''));
    return [...ids].map((id) => [...id].slice(0, 128).join(''));
}
