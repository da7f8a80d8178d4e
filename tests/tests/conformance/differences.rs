//! Where our node is known to answer otherwise than LiveKit's server, and why. The list for people
//! is `docs/compatibility.md`; both say the same.

/// One known difference.
pub(crate) struct Difference {
    /// The case, `Suite: name`.
    pub(crate) case: &'static str,
    /// What our node answers.
    pub(crate) ours: &'static str,
    /// Why it does.
    pub(crate) reason: &'static str,
}

/// All of them.
pub(crate) const DIFFERENCES: &[Difference] = &[];
