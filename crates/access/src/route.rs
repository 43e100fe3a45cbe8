//! A row of a route table: what the isolation test walks.

use crate::Class;

/// One route: method, path pattern, and the least class that may call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Method, in capitals.
    pub method: &'static str,
    /// Path pattern, with `{name}` for parameters.
    pub path: &'static str,
    /// Least class that may call it.
    pub class: Class,
}

impl Route {
    /// A route.
    pub const fn new(method: &'static str, path: &'static str, class: Class) -> Self {
        Self { method, path, class }
    }
}
