// What is known of a world that changes while we look: each change has the time at which it was asked
// for and the time from which it surely counts. In between, and for a second more, either may hold.

import { now } from './clock.mjs';
import { slowness } from '../integration/harness.mjs';

/// How long what has ended may still have effect.
export const settle = 1000 * slowness;

/// A value that changes: {value, from, sure}; sure is Infinity until the server has said so.
export class Versions {
    entries = [];

    constructor(value, at = 0) {
        this.entries.push({ value, from: at, sure: at });
    }

    begin(value) {
        const entry = { value, from: now(), sure: Infinity };
        this.entries.push(entry);
        return entry;
    }

    /// The server has refused it.
    withdraw(entry) {
        this.entries.splice(this.entries.indexOf(entry), 1);
    }

    /// All that may have counted at some time between the two.
    possible(from, to) {
        const { entries } = this;
        const result = [];
        let end = Infinity;
        for (let i = entries.length - 1; i >= 0; --i) {
            if (entries[i].from <= to && end >= from) result.push(entries[i].value);
            end = Math.min(end, entries[i].sure + settle);
            if (end < from) break;
        }
        return result;
    }

    get last() {
        return this.entries.at(-1);
    }
}

/// Whether a connection watches an artifact: 'no', 'maybe' or 'yes', from each time on.
export class Watching {
    states = [{ at: 0, state: 'no' }];

    note(state, at = now()) {
        if (this.states.at(-1).at > at || this.states.at(-1).state === state) return;
        this.states.push({ at, state });
    }

    get state() {
        return this.states.at(-1).state;
    }

    #during(from, to) {
        const { states } = this;
        let first = states.length - 1;
        while (first > 0 && states[first].at > from) --first;
        let last = first;
        while (last + 1 < states.length && states[last + 1].at <= to) ++last;
        return states.slice(first, last + 1);
    }

    surely(from, to) {
        return this.#during(from, to).every(({ state }) => state === 'yes');
    }

    possibly(from, to) {
        return this.#during(from, to).some(({ state }) => state !== 'no');
    }
}
