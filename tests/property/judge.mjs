// What came, held against who had a right to it. Runs when all is over, with all that is known then.

import { possiblyMeans, surelyMeans } from './audience.mjs';
import { settle } from './history.mjs';

/// Both clocks are the same one, read to the millisecond and rounded differently.
const rounding = 2;

export class Judge {
    owed = 0;
    came = 0;
    withheld = 0;
    latest = 0;

    constructor(world) {
        this.world = world;
    }

    run() {
        for (const listener of this.world.listeners) {
            const { ends } = listener;
            Object.assign(listener, { softEndKnown: Math.min(...ends.map(({ from }) => from)), hardEndKnown: Math.min(...ends.map(({ sure }) => sure)) });
            this.#judgeEnd(listener, ends);
            this.#judgeArrivals(listener);
        }
        this.#judgeDebts();
    }

    /// A connection ends for a reason, and within a second after it.
    #judgeEnd(listener, ends) {
        const { world } = this;
        const { opened, closed, softEndKnown, hardEndKnown, transport } = listener;
        if (opened === Infinity) return;
        if (closed < softEndKnown) return world.fault('closed without a reason', listener, ends);
        if (listener.gaps.some(({ to }) => to === Infinity)) return;  // it did not come back
        const cause = ends.find(({ sure }) => sure === hardEndKnown);
        if (closed < Infinity && cause?.asked) world.measure(`${cause.what}, until closed`, transport, closed - cause.from);
        const end = Math.min(closed, world.stoppedAt);
        const late = world.fairly(end) - settle - hardEndKnown;
        if (late > 0) world.fault('still open a second after its right ended', listener, { late, cause });
    }

    #judgeArrivals(listener) {
        for (const [message, arrival] of listener.arrivals) {
            ++this.came;
            const wrong = this.#wrongWith(listener, message, arrival);
            if (wrong) this.world.fault(wrong, listener, { message, arrival, ends: listener.ends });
        }
    }

    #wrongWith(listener, message, { at, time }) {
        const { world } = this;
        const { hardEndKnown, started } = listener;
        if (message.accepted === false) return 'an update that was refused';
        if (time + rounding < started) return 'a message from before the connection';
        if (world.fairly(time) - settle > hardEndKnown) return 'a message sent more than a second after the right to all had ended';
        if (!possiblyMeans(message.audience, listener, world.fairly(time) - settle, time + rounding)) return 'a message to others';
        this.latest = Math.max(this.latest, at - hardEndKnown);
        const deadline = world.fairly(at) - settle;
        if (deadline > hardEndKnown) return 'a message that came more than a second after the right to all had ended';
        if (!possiblyMeans(message.audience, listener, deadline, at)) return 'a message that came more than a second after the right to it had ended';
        return undefined;
    }

    /// Whose rights did not change around a message has got it; twice was a fault when it came.
    #judgeDebts() {
        for (const message of this.world.messages) {
            for (const listener of message.company.listeners ?? []) this.#judgeDebt(listener, message);
        }
    }

    #judgeDebt(listener, message) {
        const hasCome = listener.arrivals.has(message);
        const isOwed = this.#isOwed(listener, message);
        if (isOwed) ++this.owed;
        if (!isOwed && !hasCome) ++this.withheld;
        if (!isOwed || hasCome) return;
        this.world.fault('a message that never came', listener, { message, gaps: listener.gaps });
    }

    #isOwed(listener, message) {
        const { until, accepted, isVolatile, audience } = message;
        const from = message.from - 1;  // what was told in the same millisecond may have come after
        if (accepted !== true || isVolatile || listener.opened > from) return false;
        if (listener.softEndKnown < until) return false;
        let steadyUntil = this.world.aSecondAfter(until);
        for (const gap of listener.gaps) {
            if (gap.to > from && gap.from < steadyUntil) steadyUntil = Math.max(steadyUntil, this.world.aSecondAfter(gap.to));
        }
        if (listener.softEndKnown < steadyUntil || this.world.stoppedAt < steadyUntil) return false;
        return surelyMeans(audience, listener, from, steadyUntil);
    }
}
