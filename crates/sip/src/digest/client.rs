//! Answering a challenge.

use trunkline_base::secret::Secret;

use super::{Challenge, Credentials, Question};

/// A user and a password.
#[derive(Clone, Debug)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret<String>,
}

/// Credentials for one request. `count` starts at 1 for each nonce.
pub fn answer(
    challenge: &Challenge,
    login: &Login,
    method: &str,
    uri: &str,
    (count, cnonce): (u32, &str),
) -> Credentials {
    let nc = format!("{count:08x}");
    let counted = challenge.counted.then_some((nc.as_str(), cnonce));
    let question = Question {
        algorithm: challenge.algorithm,
        username: &login.username,
        password: login.password.expose(),
        realm: &challenge.realm,
        nonce: &challenge.nonce,
        method,
        uri,
        counted,
    };
    Credentials {
        username: login.username.clone(),
        realm: challenge.realm.clone(),
        nonce: challenge.nonce.clone(),
        uri: uri.to_owned(),
        response: question.response(),
        algorithm: challenge.algorithm,
        counted: counted.map(|(nc, cnonce)| (nc.to_owned(), cnonce.to_owned())),
        opaque: challenge.opaque.clone(),
    }
}
