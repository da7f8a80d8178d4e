//! The attributes of who joins: a file's, then those typed on top.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::request;
use crate::verbs::pairs::pairs;

pub(super) fn read(
    typed: &[String],
    file: Option<&str>,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut attributes: BTreeMap<String, String> = match file {
        Some(file) => request::read(file)?,
        None => BTreeMap::new(),
    };
    attributes.extend(pairs(typed, '=', "--attribute")?);
    Ok(attributes)
}
