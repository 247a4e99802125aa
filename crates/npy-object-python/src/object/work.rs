//! The work on one element: its stacks, and the objects that were made so far.

use npy_object::pickle::NodeId;
use pyo3::prelude::*;

use super::maker::{Made, Maker};
use super::task::{Finish, Task};

/// The work on one element.
pub(super) struct Work<'a, 'py, 'm> {
    pub(super) py: Python<'py>,
    pub(super) maker: &'m mut Maker,
    /// The tasks to do, the next one last.
    pub(super) tasks: Vec<Task<'a, 'py>>,
    /// The objects that wait for the object that they are members of.
    pub(super) values: Vec<Bound<'py, PyAny>>,
    /// The containers that are still empty.
    pub(super) fills: Vec<Finish<'a, 'py>>,
}

impl<'a, 'py, 'm> Work<'a, 'py, 'm> {
    pub(super) fn new(py: Python<'py>, maker: &'m mut Maker) -> Work<'a, 'py, 'm> {
        Work { py, maker, tasks: Vec::new(), values: Vec::new(), fills: Vec::new() }
    }

    /// Pushes the tasks that make the members of an object, fill them if the object needs that, and then
    /// finish the object.
    pub(super) fn wait_for(&mut self, finish: Finish<'a, 'py>) {
        let (members, needs_filled) = (finish.members(), finish.needs_filled_members());
        self.tasks.push(Task::Finish(finish));
        if needs_filled {
            self.tasks.push(Task::Fill(self.fills.len()));
        }
        self.tasks.extend(members.into_iter().rev().map(Task::Members));
    }

    /// Fills a container later, or gives an object its state later. A call whose arguments contain its
    /// own result is made when that is met for the second time: as in `pickle`, the arguments that wait
    /// for the result have no state by then.
    pub(super) fn fill_later(
        &mut self,
        id: Option<NodeId>,
        object: Bound<'py, PyAny>,
        fill: Finish<'a, 'py>,
    ) -> Bound<'py, PyAny> {
        self.fills.push(fill);
        self.remember(id, &object, 1);
        object
    }

    pub(super) fn pop(&mut self) -> Bound<'py, PyAny> {
        self.values.pop().expect("every member leaves a value")
    }

    /// Pops the last `count` values, and returns them in order.
    pub(super) fn pop_all(&mut self, count: usize) -> Vec<Bound<'py, PyAny>> {
        self.values.split_off(self.values.len() - count)
    }

    pub(super) fn remember<T>(&mut self, id: Option<NodeId>, object: &Bound<'py, T>, weight: u64) {
        if let Some(id) = id {
            let object = object.clone().into_any().unbind();
            self.maker.made.insert(id, Made { object, weight });
        }
    }

    pub(super) fn remembered(&self, id: Option<NodeId>) -> Option<Bound<'py, PyAny>> {
        self.maker.made.get(&id?).map(|made| made.object.bind(self.py).clone())
    }
}
