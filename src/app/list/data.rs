//! What a list shows, on its way from outside.

use std::sync::Arc;

/// Where it is.
#[derive(Debug, Default)]
pub enum Data<T> {
    /// Nothing was asked for.
    #[default]
    Nothing,
    /// On its way.
    Pending,
    /// Could not be had.
    Failed(String),
    /// There.
    Ready(Arc<T>),
}

impl<T> Data<T> {
    /// It, when it is there.
    pub fn ready(&self) -> Option<&Arc<T>> {
        if let Self::Ready(data) = self { Some(data) } else { None }
    }
}

impl<T> From<Result<Arc<T>, String>> for Data<T> {
    fn from(result: Result<Arc<T>, String>) -> Self {
        result.map_or_else(Self::Failed, Self::Ready)
    }
}
