//! Checkpoints that say something else under a right checksum, for tests: a run that reads one goes on or ends with a fault, and
//! never panics.
//!
//! Most changes are to words that are not zero, since the long runs of zeros are bins in which nothing was counted.

use std::path::Path;

/// What a word is changed to.
const WORDS: [u64; 5] = [u64::MAX, 0, 1 << 40, 1 << 20, 3];

/// Gives `run` a folder with the checkpoint at `path`, changed behind what its run is called, `count` times in different ways.
pub(crate) fn forged(path: &Path, count: usize, mut run: impl FnMut(&Path)) {
    let whole = std::fs::read(path).unwrap();
    let named = 16 + usize::try_from(word(&whole[8..])).unwrap();
    let (head, state) = whole[..whole.len() - 4].split_at(named);
    let told: Vec<usize> = (0..state.len() - 8)
        .step_by(4)
        .filter(|at| word(&state[*at..]) != 0)
        .collect();
    for number in 0..count {
        // the first words, and from there on some of all
        let pick = if number % 2 == 0 {
            number / 2
        } else {
            number * 7919
        };
        let at = told[pick % told.len()];
        let mut changed = state.to_vec();
        let to = WORDS[(number / 2) % WORDS.len()];
        changed[at..at + 8].copy_from_slice(&to.to_le_bytes());
        if number % 9 == 8 {
            changed.truncate(at);
        }
        let folder = tempfile::tempdir().unwrap();
        let body = [&head[8..], &changed].concat();
        let sum = crc32c::crc32c(&body).to_le_bytes();
        std::fs::write(folder.path().join("1.ckpt"), [&head[..8], &body, &sum].concat()).unwrap();
        run(folder.path());
    }
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().unwrap())
}
