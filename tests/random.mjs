// Random decisions from a seed: the same seed, the same decisions.

/// mulberry32
export class Random {
    constructor(seed) {
        this.state = seed >>> 0;
    }

    next() {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let t = this.state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    }

    below(limit) {
        return Math.floor(this.next() * limit);
    }

    chance(part) {
        return this.next() < part;
    }

    pick(list) {
        return list[this.below(list.length)];
    }

    /// A key of `weights`, {key: how often}.
    weighted(weights) {
        const entries = Object.entries(weights);
        let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
        return entries.find(([, weight]) => (left -= weight) < 0)?.[0] ?? entries.at(-1)[0];
    }

    /// Those of `list` that a coin of `part` takes, in its order.
    some(list, part) {
        return list.filter(() => this.chance(part));
    }

    times(least, most, make) {
        return Array.from({ length: least + this.below(most - least + 1) }, () => make());
    }

    bytes(most) {
        return Buffer.from(this.times(0, most, () => this.below(256)));
    }

    text(most) {
        return this.times(0, most, () => this.pick(['a', 'B', '7', ' ', '"', '\\', '/', ',', '[', '}', '-', '_', '\n', 'é', '€', '😀', '\u2028'])).join('');
    }
}
