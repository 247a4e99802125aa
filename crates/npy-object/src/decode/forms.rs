//! The forms of the skeletons of the last members: graphs that are filled in row by row.

use std::sync::Arc;

use pickle_stream::{Form, Graph, Skeleton};

use crate::value::plain::PlainParts;

/// The forms of skeletons. The own region of the current one is that of the decoder's graph.
#[derive(Default)]
pub(crate) struct Forms {
    known: Vec<Known>,
    current: Option<usize>,
}

/// What is known of a skeleton.
struct Known {
    skeleton: Arc<Skeleton>,
    /// `None` where the values have to be decoded by a machine.
    form: Option<Recognised>,
}

/// A form, and what its values are.
pub(crate) struct Recognised {
    pub(crate) form: Form,
    /// [`Form::changes`] when the parts were looked for.
    pub(crate) changes: Option<u64>,
    /// The parts of the values, if these are plain arrays.
    pub(crate) parts: Option<PlainParts>,
}

impl Forms {
    /// The most skeletons that are known.
    const MOST: usize = 16;

    /// Returns whether the current form is that of a skeleton.
    #[inline]
    pub(crate) fn is_current(&self, skeleton: &Arc<Skeleton>) -> bool {
        self.current().is_some_and(|current| current.form.is_of(skeleton))
    }

    /// Returns the current form.
    #[inline]
    pub(crate) fn current(&self) -> Option<&Recognised> {
        self.known.get(self.current?)?.form.as_ref()
    }

    /// Returns the current form.
    #[inline]
    pub(crate) fn current_mut(&mut self) -> Option<&mut Recognised> {
        self.known.get_mut(self.current?)?.form.as_mut()
    }

    /// Returns whether it is known if a skeleton has a form.
    pub(crate) fn has(&self, skeleton: &Arc<Skeleton>) -> bool {
        self.known.iter().any(|known| Arc::ptr_eq(&known.skeleton, skeleton))
    }

    /// Adds a skeleton with its form, if it has one. There must be no current form.
    pub(crate) fn add(&mut self, skeleton: &Arc<Skeleton>, form: Option<Form>) {
        if self.known.len() == Forms::MOST {
            self.known.clear();
        }
        let form = form.map(|form| Recognised { form, changes: None, parts: None });
        self.known.push(Known { skeleton: Arc::clone(skeleton), form });
    }

    /// Makes the form of a skeleton the current one; `false` where it has none.
    pub(crate) fn enter(&mut self, skeleton: &Arc<Skeleton>, graph: &mut Graph) -> bool {
        self.leave(graph);
        let known = self.known.iter().position(|known| Arc::ptr_eq(&known.skeleton, skeleton));
        let Some(index) = known else { return false };
        let Some(recognised) = &mut self.known[index].form else { return false };
        recognised.form.swap(graph);
        self.current = Some(index);
        true
    }

    /// Gives the graph its own region back.
    #[inline]
    pub(crate) fn leave(&mut self, graph: &mut Graph) {
        if let Some(current) = self.current_mut() {
            current.form.swap(graph);
        }
        self.current = None;
    }

    /// Forgets all forms.
    pub(crate) fn clear(&mut self, graph: &mut Graph) {
        self.leave(graph);
        self.known.clear();
    }
}
