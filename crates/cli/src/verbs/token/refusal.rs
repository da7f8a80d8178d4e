//! What is wrong with a token, or with what it shall say.

use trunkline_base::class::Class;

use crate::failure::Failure;

pub(super) fn invalid(text: impl Into<String>) -> Failure {
    Failure::new(Class::Invalid, "token.invalid", text)
}
