// Runs max/accomptk.js outside of Max: node max_stand_in.js accomptk.js < calls.json
//
// calls.json is a list of calls of the script's functions, of ["fill", ring, samples] and of
// ["ring", name], which shows a ring. The answer is {outlet: [...], rings: [...]}: as in Max,
// numbers without a fraction leave as ints, which are shown as {int: n}.

const fs = require("fs");
const vm = require("vm");

const RING = 4096;
const rings = {};
const shown = { outlet: [], rings: [] };

function ring(name) {
    rings[name] = rings[name] || new Float32Array(RING);
    return rings[name];
}

class Buffer {
    constructor(name) {
        this.samples = ring(name);
    }
    framecount() {
        return this.samples.length;
    }
    check(channel, frame, count) {
        if (channel !== 1 || frame < 0 || frame + count > RING || !Number.isInteger(frame)) {
            throw new RangeError(`channel ${channel}, frame ${frame}, count ${count}`);
        }
    }
    peek(channel, frame, count) {
        this.check(channel, frame, count);
        const found = Array.from(this.samples.subarray(frame, frame + count));
        return count === 1 ? found[0] : found;
    }
    poke(channel, frame, values) {
        this.check(channel, frame, values.length);
        this.samples.set(values, frame);
    }
}

function outlet(index, message) {
    const atoms = message.map((atom) => (Number.isInteger(atom) ? { int: atom } : atom));
    shown.outlet.push([index, ...atoms]);
}

const script = vm.createContext({ Buffer, outlet });
vm.runInContext(fs.readFileSync(process.argv[2], "utf8"), script);
for (const [name, ...values] of JSON.parse(fs.readFileSync(0, "utf8"))) {
    if (name === "fill") {
        ring(values[0]).set(values[1]);
    } else if (name === "ring") {
        shown.rings.push(Array.from(ring(values[0])));
    } else {
        script[name](...values);
    }
}
process.stdout.write(JSON.stringify(shown));
