//! What happens at a signal that ends the process: files that are not whole are removed first.

/// Removes the files that are being written, and then ends the process, at SIGINT, SIGTERM and
/// SIGHUP. The exit status is that of the signal. A signal that is ignored, as by `nohup`, stays so.
#[cfg(unix)]
pub(crate) fn remove_unfinished_files() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let ignored = ignored();
    let handled = [SIGINT, SIGTERM, SIGHUP];
    let handled = handled.into_iter().filter(|signal| ignored & 1 << (signal - 1) == 0);
    // Where no handler can be set, the process ends as it does without one.
    let Ok(mut signals) = Signals::new(handled) else { return };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            npy_object::remove_unfinished(|| emulate_default_handler(signal)).unwrap_or_default();
        }
    });
}

#[cfg(not(unix))]
pub(crate) fn remove_unfinished_files() {}

/// The signals that the process ignores, one a bit, as far as the system tells: Linux does.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
