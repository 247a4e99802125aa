//! Helpers of several tests.

/// Returns `len` pseudo-random bytes, which are the same on every machine.
pub(crate) fn seeded(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}
