// The time as the server sees it too, and how long a busy machine kept both from running: nobody can be
// late in time that was not theirs. The server's own slowness, computing or waiting, is not in it.

import { readdirSync, readFileSync } from 'node:fs';

export const now = () => Date.now();

/// Milliseconds for which each thread of a process was ready and did not run.
function waited(pid) {
    return readdirSync(`/proc/${pid}/task`)
        .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[1]) / 1e6);
}

export class Starvation {
    static every = 20;
    #spans = [];  // {from, to, ms}
    #before;

    constructor(pid) {
        this.pid = pid;
        this.#before = { at: now(), waited: waited(pid) };
        this.#timer = setInterval(() => this.#look(), Starvation.every);
    }
    #timer;

    /// What is over the interval is time in which this process read nothing.
    #look() {
        const seen = { at: now(), waited: waited(this.pid) };
        const { at, waited: then } = this.#before;
        const deaf = Math.max(0, seen.at - at - Starvation.every);
        const ofServer = Math.max(0, ...seen.waited.map((ms, thread) => ms - (then[thread] ?? ms)));
        if (deaf + ofServer > 2) this.#spans.push({ from: at, to: seen.at, ms: deaf + ofServer });
        this.#before = seen;
    }

    /// @return at most how many milliseconds between the two were not ours or the server's
    between(from, to) {
        let sum = 0;
        for (let i = this.#firstAfter(from); i < this.#spans.length && this.#spans[i].from <= to; ++i) sum += this.#spans[i].ms;
        return sum;
    }

    /// The index of the first span that ends at `time` or later.
    #firstAfter(time) {
        let [low, high] = [0, this.#spans.length];
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.#spans[middle].to < time) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /// The worst second.
    get worst() {
        return Math.round(Math.max(0, ...this.#spans.map(({ from }) => this.between(from, from + 1000))));
    }

    stop() {
        clearInterval(this.#timer);
    }
}
