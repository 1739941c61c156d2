//! The token tree itself; it knows no runtime. Invariants, checked by `tests/loom_cancel.rs`:
//! 1. No thread ever holds two node locks, or a lock while it runs foreign code (wakers, drops): no deadlock.
//! 2. A child enters its parent's list and reads its parent's reason under the parent's lock; `trip` sets the
//!    reason and copies the list under the same lock. So a child is either copied or born cancelled.
//! 3. A waiter first enters the list, then looks again; a waker first changes the state, then reads the list.
//! 4. A child holds its parent strongly and a parent its children weakly; the last drop of a child leaves the list.

use super::reason::CancelReason;
use crate::sync::{AtomicU8, AtomicUsize, Mutex, MutexGuard, Ordering};
use slots::Slots;
use std::{
    borrow::Cow,
    iter,
    pin::Pin,
    sync::{Arc, PoisonError, Weak},
    task::{Context, Poll, Waker},
};

mod slots;

pub(super) struct Node {
    name: Cow<'static, str>,
    /// Zero, or why it was cancelled. Written once, under the lock; read anywhere.
    reason: AtomicU8,
    /// The tasks that run at this node and below.
    busy: AtomicUsize,
    /// `None` for a root, and for a node that is being dropped.
    link: Option<Link>,
    inside: Mutex<Inside>,
}

struct Link {
    parent: Arc<Node>,
    slot: usize,
}

#[derive(Default)]
struct Inside {
    children: Slots<Weak<Node>>,
    tasks: Slots<Cow<'static, str>>,
    cancel_waiters: Slots<Waker>,
    idle_waiters: Slots<Waker>,
}

impl Node {
    pub(super) fn root(name: Cow<'static, str>) -> Arc<Self> {
        Arc::new(Self::new(name, 0, None))
    }

    pub(super) fn child(self: &Arc<Self>, name: Cow<'static, str>) -> Arc<Self> {
        let mut inside = self.lock();
        // Nobody can upgrade the weak reference before the child is complete, because the lock is held.
        Arc::new_cyclic(|child| {
            let slot = inside.children.insert(Weak::clone(child));
            let reason = self.reason.load(Ordering::Acquire);
            Self::new(name, reason, Some(Link { parent: Arc::clone(self), slot }))
        })
    }

    fn new(name: Cow<'static, str>, reason: u8, link: Option<Link>) -> Self {
        Self {
            name,
            reason: AtomicU8::new(reason),
            busy: AtomicUsize::new(0),
            link,
            inside: Mutex::new(Inside::default()),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn reason(&self) -> Option<CancelReason> {
        CancelReason::from_number(self.reason.load(Ordering::Acquire))
    }

    /// Cancels the tree from here down. True when this was the first reason; then everything below is cancelled
    /// on return, also where another thread is cancelling at the same time.
    pub(super) fn cancel(&self, reason: CancelReason) -> bool {
        if self.reason().is_some() {
            return false;
        }
        let mut pending = Vec::new();
        let first = self.trip(reason, &mut pending);
        while let Some((node, reason)) = pending.pop() {
            node.trip(reason, &mut pending);
        }
        first
    }

    /// Sets the reason of this node alone, and adds its children with the reason that is in force for them.
    fn trip(&self, reason: CancelReason, pending: &mut Vec<(Arc<Self>, CancelReason)>) -> bool {
        let inside = self.lock();
        let earlier = self.reason();
        let in_force = earlier.unwrap_or(reason);
        self.reason.store(in_force.to_number(), Ordering::Release);
        pending.extend(inside.children.iter().filter_map(Weak::upgrade).map(|child| (child, in_force)));
        let wakers = inside.cancel_waiters.copy();
        drop(inside);
        wakers.into_iter().for_each(Waker::wake);
        earlier.is_none()
    }

    /// Enters a task here, and counts it here and above. Give the number to [`Node::end_task`].
    pub(super) fn start_task(&self, name: Cow<'static, str>) -> usize {
        self.upwards().for_each(|node| {
            node.busy.fetch_add(1, Ordering::AcqRel);
        });
        self.lock().tasks.insert(name)
    }

    pub(super) fn end_task(&self, task: usize) {
        let name = self.lock().tasks.remove(task);
        drop(name);
        for node in self.upwards() {
            if node.busy.fetch_sub(1, Ordering::AcqRel) == 1 {
                let wakers = node.lock().idle_waiters.copy();
                wakers.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// The tasks from here down, as "token/task".
    pub(super) fn running(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut pending = self.list_tasks(&mut names);
        while let Some(node) = pending.pop() {
            pending.extend(node.list_tasks(&mut names));
        }
        names
    }

    fn list_tasks(&self, names: &mut Vec<String>) -> Vec<Arc<Self>> {
        let inside = self.lock();
        names.extend(inside.tasks.iter().map(|task| format!("{}/{task}", self.name)));
        inside.children.iter().filter_map(Weak::upgrade).collect()
    }

    fn upwards(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |node| node.link.as_ref().map(|link| &*link.parent))
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Nothing that can panic half-way runs under the lock, so a poisoned list is still whole.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    /// Leaves the parent's list. A loop and not a recursion, because a chain may be longer than the stack.
    fn drop(&mut self) {
        let mut link = self.link.take();
        while let Some(Link { parent, slot }) = link {
            let weak = parent.lock().children.remove(slot);
            drop(weak);
            link = Arc::into_inner(parent).and_then(|mut parent| parent.link.take());
        }
    }
}

/// What can be waited for at a node.
#[derive(Clone, Copy)]
pub(super) enum Moment {
    Cancelled,
    Idle,
}

impl Moment {
    fn has_come(self, node: &Node) -> bool {
        match self {
            Self::Cancelled => node.reason().is_some(),
            Self::Idle => node.busy.load(Ordering::Acquire) == 0,
        }
    }

    fn waiters(self, inside: &mut Inside) -> &mut Slots<Waker> {
        match self {
            Self::Cancelled => &mut inside.cancel_waiters,
            Self::Idle => &mut inside.idle_waiters,
        }
    }
}

/// Waits for a moment at a node; dropping it leaves the list.
pub(super) struct Waiting {
    node: Arc<Node>,
    moment: Moment,
    /// Our place in the list, and whom it wakes.
    place: Option<(usize, Waker)>,
}

impl Waiting {
    pub(super) fn new(node: &Arc<Node>, moment: Moment) -> Self {
        Self { node: Arc::clone(node), moment, place: None }
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// Makes sure that `waker` is in the list; a second poll of the same task takes no lock.
    fn enter(&mut self, waker: &Waker) {
        if self.place.as_ref().is_some_and(|(_, entered)| entered.will_wake(waker)) {
            return;
        }
        self.leave();
        let copy = waker.clone();
        let slot = self.moment.waiters(&mut self.node.lock()).insert(copy);
        self.place = Some((slot, waker.clone()));
    }

    fn leave(&mut self) {
        if let Some((slot, _)) = self.place.take() {
            let waker = self.moment.waiters(&mut self.node.lock()).remove(slot);
            drop(waker);
        }
    }
}

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.moment.has_come(&self.node) {
            self.enter(context.waker());
            if !self.moment.has_come(&self.node) {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn dead_children_waiters_and_tasks_leave_no_trace_in_a_root_that_lives_on() {
        let root = Node::root("root".into());
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..10_000 {
            let child = root.child("call".into());
            let grandchild = child.child("attempt".into());
            drop(child);
            let mut waiting = Waiting::new(&root, Moment::Cancelled);
            assert!(Pin::new(&mut waiting).poll(&mut context).is_pending());
            grandchild.end_task(grandchild.start_task("task".into()));
        }
        let inside = root.lock();
        assert_eq!(inside.children.iter().count() + inside.children.room(), 0);
        assert_eq!(inside.cancel_waiters.room() + inside.tasks.room(), 0);
        assert_eq!(Arc::weak_count(&root) + Arc::strong_count(&root), 1);
    }
}
