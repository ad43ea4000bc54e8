// The audio of accomptk.maxpat: packets to and from the rings that the patch records and plays.
//
// The patch counts samples and writes what is heard into the ring "accomptk-heard" and plays the
// ring of every stem, all at that count. This script runs besides, in Max's low-priority thread:
// it sends what was recorded, and writes what the server plays where its offset says. For js and
// v8 alike.

autowatch = 1;
inlets = 1;
outlets = 1;

var PACKET = 512; // samples a packet
var CLOCK = 16777216; // offsets are counted modulo this
var BURST = 8; // packets at a time: catches up, and never fills the queue of udpsend

var heard = new Buffer("accomptk-heard");
var rings = []; // by stem number
var stream = -1; // the one that runs; below 0 for none
var offset = 0; // of the next packet
var next = -1; // count at which the next packet begins; below 0 until the clock says
var now = 0;
var alone = false;

function wrap(number, length) {
    return ((number % length) + length) % length;
}

// version, protocol and sample rate are shown by the patch
function welcome(version, protocol, rate, number, reached) {
    if (number === stream) {
        return;
    }
    stream = number;
    offset = reached;
    next = -1;
}

function forget() {
    stream = -1;
}

function mode(name) {
    alone = name === "prompt";
}

function stems() {
    rings = Array.prototype.map.call(arguments, function (name) {
        return new Buffer("accomptk-" + name);
    });
}

// The count of the sample that is recorded now: send every packet that is full.
function clock(count) {
    now = count;
    if (stream < 0) {
        return;
    }
    var behind = wrap(now - next, CLOCK);
    if (next < 0 || behind > heard.framecount() / 2) {
        next = now; // the stream begins, or the recording was elsewhere for long
        return;
    }
    for (var sent = 0; behind >= PACKET && sent < BURST; sent += 1, behind -= PACKET) {
        send();
        offset = wrap(offset + PACKET, CLOCK);
        next = wrap(next + PACKET, CLOCK);
    }
}

function send() {
    if (alone) {
        outlet(0, ["/accomptk/clock", stream, offset]);
    } else {
        outlet(0, ["/accomptk/audio/in", stream, offset].concat(read(heard, next, PACKET)));
    }
}

// A stem's samples, from the server, as they come: stream, stem, offset, samples.
function list(number, stem, at) {
    if (number === stream && next >= 0 && rings[stem]) {
        write(rings[stem], at - offset + next, Array.prototype.slice.call(arguments, 3));
    }
}

// The beat is one of the bar now.
function downbeat(bpm, meter) {
    if (stream >= 0 && next >= 0) {
        outlet(0, ["/accomptk/beats", wrap(offset + now - next, CLOCK), bpm, 0, meter]);
    }
}

function read(ring, at, count) {
    var length = ring.framecount();
    var start = wrap(at, length);
    var first = Math.min(count, length - start);
    var samples = [].concat(ring.peek(1, start, first));
    if (first < count) {
        samples = samples.concat(ring.peek(1, 0, count - first));
    }
    return samples.map(fraction);
}

function write(ring, at, samples) {
    var length = ring.framecount();
    var start = wrap(at, length);
    var first = Math.min(samples.length, length - start);
    ring.poke(1, start, samples.slice(0, first));
    if (first < samples.length) {
        ring.poke(1, 0, samples.slice(first));
    }
}

// Max turns whole numbers into ints, silence for one, which would change the types of a packet.
function fraction(sample) {
    return sample === Math.floor(sample) ? sample * 0.9999999 + 1e-30 : sample;
}
