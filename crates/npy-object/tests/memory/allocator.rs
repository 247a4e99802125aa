//! The system's allocator, which counts the bytes and the allocations of each thread, and fails
//! where a thread would have more bytes than it may.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;
use std::thread;

struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Returns how often this thread has asked for memory.
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// Runs `work` on a stack of 256 KiB, which leaves no room for recursion, with at most `heap` bytes
/// of memory. Returns its result, and the most bytes that it held at a time.
pub(crate) fn peak_of<T: Send + 'static>(
    heap: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> (usize, T) {
    let run = move || {
        let before = HELD.get();
        PEAK.set(before);
        MOST.set(before.saturating_add(heap));
        let done = work();
        MOST.set(usize::MAX);
        (PEAK.get() - before, done)
    };
    let thread = thread::Builder::new().stack_size(256 << 10).spawn(run).expect("a thread");
    thread.join().expect("no panic")
}

/// Counts an allocation. Returns whether the thread may have it.
fn may_have(size: usize) -> bool {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    // A test that fails has to print its message.
    HELD.get().saturating_add(size) <= MOST.get() || thread::panicking()
}

fn count(more: usize, less: usize) {
    let held = (HELD.get() + more).saturating_sub(less);
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: all memory is the system's. A null pointer says that there is none. Counting allocates
// nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !may_have(layout.size()) {
            return null_mut();
        }
        count(layout.size(), 0);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !may_have(size) {
            return null_mut();
        }
        // Both are in memory while one is copied into the other.
        count(size, 0);
        count(0, layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
