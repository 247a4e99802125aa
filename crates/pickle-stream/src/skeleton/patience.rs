//! When to learn a skeleton again.

/// When it is time to learn a template again: less and less often while none is of use. Elements that
/// are all made in their own ways are not worth it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patience {
    /// How many chances are let pass, and how many that will be the next time.
    wait: u32,
    next: u32,
}

impl Patience {
    const MOST: u32 = 63;

    /// Whether this chance is to be taken.
    pub(crate) fn is_over(&mut self) -> bool {
        if self.wait > 0 {
            self.wait -= 1;
            return false;
        }
        self.next = (2 * self.next + 1).min(Patience::MOST);
        self.wait = self.next;
        true
    }

    /// Says that what was learnt is of use.
    #[inline]
    pub(crate) fn reset(&mut self) {
        *self = Patience::default();
    }
}
