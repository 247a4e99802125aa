//! Removes unfinished files when a signal ends the process.

/// Installs handlers of SIGINT, SIGTERM and SIGHUP that remove the files being written and then end
/// the process with the exit status of the signal. A signal that is ignored, as by `nohup`, stays
/// ignored.
#[cfg(unix)]
pub(crate) fn remove_unfinished_files() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let ignored = ignored();
    let handled = [SIGINT, SIGTERM, SIGHUP];
    let handled = handled.into_iter().filter(|signal| ignored & 1 << (signal - 1) == 0);
    // Without handlers, the process ends and leaves the file.
    let Ok(mut signals) = Signals::new(handled) else { return };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            npy_object::remove_unfinished(|| emulate_default_handler(signal)).unwrap_or_default();
        }
    });
}

#[cfg(not(unix))]
pub(crate) fn remove_unfinished_files() {}

/// Returns the signals that the process ignores, one bit each; 0 where there is no `/proc`.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
