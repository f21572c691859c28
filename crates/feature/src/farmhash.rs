//! FarmHash's `Fingerprint64`, the hash behind TensorFlow's `string_to_hash_bucket_fast`.
//!
//! Models that were trained on TensorFlow's buckets can be continued with equal buckets. Written from the published
//! algorithm (Pike, farmhash 1.1, `farmhashna::Hash64`; little-endian); `tests/data/golden_hash.json` holds values of an
//! independent implementation for every branch.

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

/// The fingerprint of bytes.
#[must_use]
pub fn fingerprint64(bytes: &[u8]) -> u64 {
    match bytes.len() {
        0..=16 => up_to_16(bytes),
        17..=32 => up_to_32(bytes),
        33..=64 => up_to_64(bytes),
        _ => long(bytes),
    }
}

/// Eight bytes at a place; the callers stay inside.
fn fetch64(bytes: &[u8], at: usize) -> u64 {
    bytes
        .get(at..at + 8)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_le_bytes)
}

fn fetch32(bytes: &[u8], at: usize) -> u64 {
    let four = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    u64::from(four.map_or(0, u32::from_le_bytes))
}

fn shift_mix(x: u64) -> u64 {
    x ^ (x >> 47)
}

fn len16(u: u64, v: u64, mul: u64) -> u64 {
    let a = shift_mix((u ^ v).wrapping_mul(mul));
    let b = (v ^ a).wrapping_mul(mul);
    shift_mix(b).wrapping_mul(mul)
}

fn up_to_16(s: &[u8]) -> u64 {
    let len = s.len();
    let size = len as u64;
    if len >= 8 {
        let mul = K2.wrapping_add(size * 2);
        let a = fetch64(s, 0).wrapping_add(K2);
        let b = fetch64(s, len - 8);
        let c = b.rotate_right(37).wrapping_mul(mul).wrapping_add(a);
        let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(mul);
        return len16(c, d, mul);
    }
    if len >= 4 {
        let mul = K2.wrapping_add(size * 2);
        let a = fetch32(s, 0);
        return len16(size.wrapping_add(a << 3), fetch32(s, len - 4), mul);
    }
    if len == 0 {
        return K2;
    }
    let (a, b, c) = (u64::from(s[0]), u64::from(s[len >> 1]), u64::from(s[len - 1]));
    let y = a.wrapping_add(b << 8);
    let z = size.wrapping_add(c << 2);
    shift_mix(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
}

/// The first and the last 16 bytes mixed into two words; `a` is the first eight, multiplied.
fn ends(s: &[u8], a: u64, mul: u64) -> (u64, u64) {
    let len = s.len();
    let b = fetch64(s, 8);
    let c = fetch64(s, len - 8).wrapping_mul(mul);
    let d = fetch64(s, len - 16).wrapping_mul(K2);
    let u = a
        .wrapping_add(b)
        .rotate_right(43)
        .wrapping_add(c.rotate_right(30))
        .wrapping_add(d);
    let v = a
        .wrapping_add(b.wrapping_add(K2).rotate_right(18))
        .wrapping_add(c);
    (u, v)
}

fn up_to_32(s: &[u8]) -> u64 {
    let mul = K2.wrapping_add(s.len() as u64 * 2);
    let (u, v) = ends(s, fetch64(s, 0).wrapping_mul(K1), mul);
    len16(u, v, mul)
}

fn up_to_64(s: &[u8]) -> u64 {
    let len = s.len();
    let mul = K2.wrapping_add(len as u64 * 2);
    let a = fetch64(s, 0).wrapping_mul(K2);
    let (y, v) = ends(s, a, mul);
    let z = len16(y, v, mul);
    let e = fetch64(s, 16).wrapping_mul(mul);
    let f = fetch64(s, 24);
    let g = y.wrapping_add(fetch64(s, len - 32)).wrapping_mul(mul);
    let h = z.wrapping_add(fetch64(s, len - 24)).wrapping_mul(mul);
    let u = e
        .wrapping_add(f)
        .rotate_right(43)
        .wrapping_add(g.rotate_right(30))
        .wrapping_add(h);
    let v = e.wrapping_add(f.wrapping_add(a).rotate_right(18)).wrapping_add(g);
    len16(u, v, mul)
}

/// Hashes 32 bytes into two words.
fn weak32(s: &[u8], at: usize, a: u64, b: u64) -> (u64, u64) {
    let (w, x, y, z) = (
        fetch64(s, at),
        fetch64(s, at + 8),
        fetch64(s, at + 16),
        fetch64(s, at + 24),
    );
    let a = a.wrapping_add(w);
    let b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let c = a;
    let a = a.wrapping_add(x).wrapping_add(y);
    let b = b.wrapping_add(a.rotate_right(44));
    (a.wrapping_add(z), b.wrapping_add(c))
}

/// The running state over blocks of 64 bytes.
struct State {
    x: u64,
    y: u64,
    z: u64,
    v: (u64, u64),
    w: (u64, u64),
}

impl State {
    /// One block; `mul` and `factor` differ for the last one.
    fn block(&mut self, s: &[u8], at: usize, mul: u64, factor: u64) {
        self.x = (self.x.wrapping_add(self.y).wrapping_add(self.v.0))
            .wrapping_add(fetch64(s, at + 8))
            .rotate_right(37)
            .wrapping_mul(mul);
        self.y = (self.y.wrapping_add(self.v.1))
            .wrapping_add(fetch64(s, at + 48))
            .rotate_right(42)
            .wrapping_mul(mul);
        self.x ^= self.w.1.wrapping_mul(factor);
        self.y = self
            .y
            .wrapping_add(self.v.0.wrapping_mul(factor))
            .wrapping_add(fetch64(s, at + 40));
        self.z = self.z.wrapping_add(self.w.0).rotate_right(33).wrapping_mul(mul);
        self.v = weak32(s, at, self.v.1.wrapping_mul(mul), self.x.wrapping_add(self.w.0));
        let (a, b) = (
            self.z.wrapping_add(self.w.1),
            self.y.wrapping_add(fetch64(s, at + 16)),
        );
        self.w = weak32(s, at + 32, a, b);
        std::mem::swap(&mut self.z, &mut self.x);
    }
}

fn long(s: &[u8]) -> u64 {
    const SEED: u64 = 81;
    let y = SEED.wrapping_mul(K1).wrapping_add(113);
    let z = shift_mix(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let x = SEED.wrapping_mul(K2).wrapping_add(fetch64(s, 0));
    let mut state = State {
        x,
        y,
        z,
        v: (0, 0),
        w: (0, 0),
    };
    let end = (s.len() - 1) / 64 * 64;
    (0..end).step_by(64).for_each(|at| state.block(s, at, K1, 1));
    let mul = K1.wrapping_add((state.z & 0xff) << 1);
    let rest = (s.len() - 1) & 63;
    state.w.0 = state.w.0.wrapping_add(rest as u64);
    state.v.0 = state.v.0.wrapping_add(state.w.0);
    state.w.0 = state.w.0.wrapping_add(state.v.0);
    state.block(s, s.len() - 64, mul, 9);
    // The block has swapped x and z; the published code swaps after the block, too.
    let State { x, y, z, v, w } = state;
    let a = len16(v.0, w.0, mul)
        .wrapping_add(shift_mix(y).wrapping_mul(K0))
        .wrapping_add(z);
    let b = len16(v.1, w.1, mul).wrapping_add(x);
    len16(a, b, mul)
}
