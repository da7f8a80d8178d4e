//! What the verbs of trunks, rules and calls share: flags, requests from files, and how what was
//! made or deleted is told.

use std::collections::HashMap;

use clap::Args;
use livekit_protocol as proto;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use trunkline_base::class::Class;
use trunkline_client::api::{Rpc, table};

use crate::ask;
use crate::failure::Failure;
use crate::global::Global;
use crate::output::{self, plain};
use crate::request;
use crate::server::Server;

/// Name and password of a trunk.
#[derive(Clone, Debug, Args)]
pub(crate) struct Login {
    /// User name for authentication
    #[arg(long, value_name = "USER")]
    pub(super) auth_user: Option<String>,
    /// Password for authentication; a variable keeps it off the screen
    #[arg(
        long,
        value_name = "PASSWORD",
        env = "TRUNKLINE_SIP_AUTH_PASS",
        hide_env_values = true
    )]
    pub(super) auth_pass: Option<String>,
}

impl Login {
    /// Half a login opens nothing, and is found out at the first call only.
    pub(super) fn whole(&self, user: &str, pass: &str) -> Result<(), Failure> {
        let is_typed = self.auth_user.is_some() || self.auth_pass.is_some();
        let (lacks, remedy) = match (user.is_empty(), pass.is_empty()) {
            (false, true) if is_typed => (
                "--auth-user without a password",
                "pass --auth-pass too, or set TRUNKLINE_SIP_AUTH_PASS, which keeps it off the screen",
            ),
            (true, false) if is_typed => (
                "a password (--auth-pass, or TRUNKLINE_SIP_AUTH_PASS) without a user name",
                "pass --auth-user too",
            ),
            _ => return Ok(()),
        };
        let text = format!("the trunk has {lacks}");
        Err(Failure::new(Class::Invalid, "cli.request", text).or_else(remedy))
    }
}

/// The ids of what is to be deleted.
#[derive(Debug, Args)]
pub(crate) struct Ids {
    /// What to delete
    #[arg(value_name = "ID", required = true)]
    pub(super) ids: Vec<String>,
}

/// Deletes trunks of either direction.
pub(super) async fn delete_trunks(ids: Vec<String>, server: &Server<'_>) -> Result<(), Failure> {
    let global = server.global();
    let question = format!("Delete trunk {}?", plain(&ids.join(", ")));
    ask::sure(&question, global)?;
    let mut gone = Vec::new();
    for sip_trunk_id in ids {
        let request = proto::DeleteSipTrunkRequest {
            sip_trunk_id: sip_trunk_id.clone(),
        };
        if server
            .call(&table::DELETE_SIP_TRUNK, request)
            .await?
            .is_some()
        {
            said_deleted("trunk", &sip_trunk_id, global);
            gone.push(sip_trunk_id);
        }
    }
    told_deleted(&gone, global);
    Ok(())
}

/// Creates what each JSON file says, or one thing without a file; `put` adds what was typed. Nothing
/// is sent before every request is whole.
pub(super) async fn create_each<Req, Res>(
    files: &[String],
    rpc: &'static Rpc<Req, Res>,
    put: impl Fn(&mut Req) -> Result<(), Failure>,
    global: &Global,
) -> Result<Vec<Res>, Failure>
where
    Req: Message + Default + Serialize + DeserializeOwned,
    Res: Message + Default,
{
    let read = files.iter().map(|file| request::read(file));
    let mut requests: Vec<Req> = read.collect::<Result<_, _>>()?;
    if requests.is_empty() {
        requests.push(Req::default());
    }
    requests.iter_mut().try_for_each(put)?;
    let server = Server::open(global)?;
    let mut made = Vec::new();
    for request in requests {
        made.extend(server.call(rpc, request).await?);
    }
    Ok(made)
}

pub(super) fn said_deleted(what: &str, id: &str, global: &Global) {
    if !global.json {
        output::line(&format!("{what} {} is deleted", plain(id)));
    }
}

pub(super) fn told_deleted(gone: &[String], global: &Global) {
    if global.json && !global.curl {
        output::json(&serde_json::json!({ "deleted": gone }));
    }
}

/// What each create verb made: one is a document, several are a list.
pub(super) fn made<T: Serialize>(
    all: &[T],
    id: impl Fn(&T) -> String,
    what: &str,
    global: &Global,
) {
    if global.curl {
        return;
    }
    if !global.json {
        for one in all {
            output::line(&format!("{what} {}", id(one)));
        }
        return;
    }
    match all {
        [one] => output::json(one),
        several => output::json(&serde_json::json!({ "items": several })),
    }
}

/// An update comes from one JSON file, which replaces, or from flags, which change.
pub(super) fn one_file(files: &[String]) -> Result<Option<&str>, Failure> {
    match files {
        [] => Ok(None),
        [file] => Ok(Some(file)),
        _ => {
            let text = "an update takes one JSON file, or flags";
            Err(Failure::new(Class::Invalid, "cli.request", text))
        }
    }
}

pub(super) fn id_of(typed: Option<String>, in_file: String) -> Result<String, Failure> {
    let in_file = Some(in_file).filter(|id| !id.is_empty());
    typed.or(in_file).ok_or_else(|| {
        let text = "it is not said what to update";
        Failure::new(Class::Invalid, "cli.request", text)
            .or_else("pass --id, or write the id into the JSON")
    })
}

/// A list flag: absent leaves the list, one empty text empties it.
pub(super) fn list(typed: Option<Vec<String>>) -> Option<Vec<String>> {
    typed.map(|list| match list.as_slice() {
        [only] if only.is_empty() => Vec::new(),
        _ => list,
    })
}

pub(super) fn list_update(typed: Option<Vec<String>>) -> Option<proto::ListUpdate> {
    list(typed).map(|set| proto::ListUpdate {
        set,
        ..proto::ListUpdate::default()
    })
}

/// `user / ****`, as far as there is one.
pub(super) fn login(user: &str, pass: &str) -> String {
    match (user.is_empty(), pass.is_empty()) {
        (true, true) => String::new(),
        (false, true) => user.to_owned(),
        (_, false) => format!("{user} / ****"),
    }
}

pub(super) fn headers(maps: &[&HashMap<String, String>]) -> String {
    let mut pairs: Vec<String> = maps
        .iter()
        .flat_map(|map| map.iter())
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.sort();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_flag_leaves_sets_or_empties() {
        assert_eq!(list(None), None);
        assert_eq!(list(Some(vec![String::new()])), Some(vec![]));
        assert_eq!(list(Some(vec!["a".into()])), Some(vec!["a".into()]));
    }

    #[test]
    fn half_a_login_is_told_with_the_variable_that_has_the_rest() {
        let typed = |user: Option<&str>, pass: Option<&str>| Login {
            auth_user: user.map(str::to_owned),
            auth_pass: pass.map(str::to_owned),
        };
        let told = |login: Login, user: &str, pass: &str| {
            login
                .whole(user, pass)
                .map_err(|failure| format!("{failure:?}"))
        };
        for (user, pass) in [("me", ""), ("", "hush")] {
            let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
            let text = told(typed(some(user), some(pass)), user, pass).unwrap_err();
            assert!(text.contains("TRUNKLINE_SIP_AUTH_PASS"), "{text}");
            assert!(
                text.contains("--auth-user") && !text.contains("hush"),
                "{text}"
            );
            // As a file has it, which may be what its server takes.
            assert_eq!(told(typed(None, None), user, pass), Ok(()));
        }
        assert_eq!(told(typed(Some("me"), None), "me", "hush"), Ok(()));
    }

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(login("u", "hush"), "u / ****");
        assert_eq!(login("", ""), "");
    }
}
